/*
 * relayctl(8): shows an administrator who is connected to the relay, and
 * ends, reloads and drains. All that it knows comes from the broker; all that
 * it writes is the table of customers.
 */
#include "base/failure.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/program.h"
#include "config/relay_conf.h"
#include "ctl/customer.h"
#include "ctl/sandbox.h"
#include "ctl/show.h"
#include "ctl/watch.h"
#include "ipc/ipc_socket.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "relayctl"

#define EXIT_FAILED     1 /* the broker could not do it */
#define INTERVAL        2 /* seconds between two pictures of watch */
#define INTERVAL_MAX    3600
#define TEXTFILE_SUFFIX ".XXXXXX" /* of mkstemp(3) */

struct options {
	const char *conf;
	const char *socket;   /* NULL: the configuration's */
	const char *textfile; /* NULL: standard output */
	int json;
};

static void
usage(FILE *out)
{
	fprintf(out,
	    "usage: " NAME " [-jV] [-c file] [-s socket] command\n"
	    "\n"
	    "  status                    the broker itself, in numbers\n"
	    "  agents                    agents that wait\n"
	    "  sessions                  live sessions\n"
	    "  customers                 customers, and what they have used\n"
	    "  customer name certificate add a certificate to the customer,\n"
	    "                            and reload; sha256:... or a PEM file\n"
	    "  kick id|customer|sha256   end a session, or all of a customer\n"
	    "  drain                     no new session; end after the last\n"
	    "  reload                    read all files again, check everyone\n"
	    "  watch [seconds]           a table that redraws itself\n"
	    "  metrics [--textfile path] Prometheus text\n"
	    "  log-level level           debug, info, notice, warning or err\n"
	    "\n"
	    "  -c, --conf file      default " CONF_PATH "\n"
	    "  -s, --socket socket  the broker's, whatever the file says\n"
	    "  -j, --json           for programs: see relayctl(8)\n"
	    "  -V, --version\n"
	    "  -h, --help\n");
}

static struct options
parse_options(int argc, char **argv)
{
	static const struct option longs[] = {
	    {"conf", required_argument, NULL, 'c'},
	    {"socket", required_argument, NULL, 's'},
	    {"json", no_argument, NULL, 'j'},
	    {"textfile", required_argument, NULL, 't'},
	    {"version", no_argument, NULL, 'V'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	struct options o = {.conf = CONF_PATH};
	int c;

	while ((c = getopt_long(argc, argv, "c:s:jVh", longs, NULL)) != -1)
		switch (c) {
		case 'c':
			o.conf = optarg;
			break;
		case 's':
			o.socket = optarg;
			break;
		case 'j':
			o.json = 1;
			break;
		case 't':
			o.textfile = optarg;
			break;
		case 'V':
			printf(NAME " %s\n", VERSION);
			exit(EX_OK);
		case 'h':
			usage(stdout);
			exit(EX_OK);
		default:
			usage(stderr);
			exit(EX_USAGE);
		}
	return o;
}

static int
connect_broker(const struct options *o)
{
	const char *path = o->socket;
	struct relay_conf conf = {0};
	struct failure f;
	int sock;

	if (path == NULL) {
		if (relay_conf_read(&conf, o->conf, &f) == -1)
			program_fail(EX_CONFIG, "%s", f.text);
		path = conf.socket;
	}
	sock = ipc_socket_connect(path);
	if (sock == -1)
		program_fail(EX_UNAVAILABLE, "%s: %s: is relay-broker running?",
		    path, strerror(errno));
	relay_conf_free(&conf);
	return sock;
}

/* Asks, or fails for good. */
static struct ctl_answer
ask(int sock, enum admin_command command, const char *argument)
{
	struct ctl_answer answer;
	struct failure f;

	if (ctl_request(sock, command, argument, &answer, &f) == -1)
		program_fail(
		    errno == EACCES ? EX_NOPERM : EX_UNAVAILABLE, "%s", f.text);
	return answer;
}

/* ---- commands: each returns the exit status ---- */

struct call {
	const struct options *options;
	const char *name;
	char **arguments; /* NULL behind the last */
	int sock;
};

static int
show(const struct call *call, enum ctl_view view)
{
	struct ctl_answer answer = ask(call->sock, ctl_view_command(view), "");
	int rc = 0;

	if (call->options->json)
		rc = ctl_json(stdout, view, &answer);
	else
		ctl_table(stdout, view, &answer);
	ctl_free(&answer);
	return rc == 0 ? EX_OK : EX_OSERR;
}

static int
show_status(const struct call *call)
{
	return show(call, CTL_STATUS);
}

static int
show_agents(const struct call *call)
{
	return show(call, CTL_AGENTS);
}

static int
show_sessions(const struct call *call)
{
	return show(call, CTL_SESSIONS);
}

static int
show_customers(const struct call *call)
{
	return show(call, CTL_CUSTOMERS);
}

/* Has the broker do something, and says what came of it. */
static int
act(const struct call *call, enum admin_command command, const char *outcome)
{
	const char *argument = *call->arguments == NULL ? "" : *call->arguments;
	struct ctl_answer answer = ask(call->sock, command, argument);
	int failed = answer.done.failed != 0;

	if (call->options->json)
		ctl_json_done(stdout, call->name, &answer);
	else if (failed)
		log_failure(answer.done.text);
	else if (answer.done.text[0] != '\0')
		printf("%s\n", answer.done.text);
	else
		printf("%u %s\n", answer.done.count, outcome);
	ctl_free(&answer);
	return failed ? EXIT_FAILED : EX_OK;
}

static int
kick(const struct call *call)
{
	return act(call, ADMIN_KICK, "ended");
}

static int
drain(const struct call *call)
{
	return act(call, ADMIN_DRAIN, "sessions still live");
}

static int
reload(const struct call *call)
{
	return act(call, ADMIN_RELOAD, "checked");
}

static int
set_log_level(const struct call *call)
{
	return act(call, ADMIN_LOG_LEVEL, "handlers told");
}

static int
watch(const struct call *call)
{
	unsigned long interval = INTERVAL;
	struct failure f;
	char *end = NULL;

	if (*call->arguments != NULL) {
		interval = strtoul(*call->arguments, &end, 10);
		if (*end != '\0' || interval < 1 || interval > INTERVAL_MAX)
			program_fail(EX_USAGE, "%s: not 1 to %d seconds",
			    *call->arguments, INTERVAL_MAX);
	}
	if (ctl_watch(call->sock, (unsigned)interval, &f) == -1)
		program_fail(
		    errno == EACCES ? EX_NOPERM : EX_UNAVAILABLE, "%s", f.text);
	return EX_OK;
}

static void
say_done(
    const struct call *call, const struct ctl_customer *r, struct ctl_answer *a)
{
	if (call->options->json) {
		ctl_json_customer(stdout, call->name, r->changed, a);
		return;
	}
	printf("%s\n", r->text);
	if (!a->done.failed) {
		printf("%s\n", a->done.text);
		return;
	}
	(void)fflush(stdout); /* in this order */
	log_failure(a->done.text);
}

/*
 * The relay reloads even if the table needed no change: relay-ca(1) may have
 * written it, and nobody told the relay yet.
 */
static int
add_to_customer(const struct call *call)
{
	struct ctl_customer r;
	struct ctl_answer answer;
	int failed;

	/* before anything is written: will the broker hear us? */
	answer = ask(call->sock, ADMIN_STATUS, "");
	ctl_free(&answer);
	r = ctl_customer_add(
	    call->options->conf, call->arguments[0], call->arguments[1]);
	if (r.status != EX_OK)
		program_fail(r.status, "%s", r.text);
	answer = ask(call->sock, ADMIN_RELOAD, "");
	failed = answer.done.failed != 0;
	say_done(call, &r, &answer);
	ctl_free(&answer);
	return failed ? EXIT_FAILED : EX_OK;
}

/*
 * Who collects the file must never see half of it, and who may write to its
 * folder not lead us elsewhere by a link.
 */
static FILE *
open_textfile(const char *path, char *partial, size_t size)
{
	FILE *out;
	int fd;

	if ((size_t)snprintf(partial, size, "%s" TEXTFILE_SUFFIX, path) >= size)
		program_fail(EX_CANTCREAT, "%s: too long", path);
	fd = mkstemp(partial);
	out = fd == -1 ? NULL : fdopen(fd, "w");
	if (out == NULL)
		program_fail(EX_CANTCREAT, "%s: %s", partial, strerror(errno));
	fchmod(fd, 0644); /* the collector is another user */
	return out;
}

static int
metrics(const struct call *call)
{
	const char *path = call->options->textfile;
	char partial[4096];
	struct ctl_answer status = ask(call->sock, ADMIN_STATUS, "");
	struct ctl_answer customers = ask(call->sock, ADMIN_CUSTOMERS, "");
	FILE *out = stdout;

	if (path != NULL)
		out = open_textfile(path, partial, sizeof(partial));
	ctl_metrics(out, &status, &customers);
	ctl_free(&status);
	ctl_free(&customers);
	if (path == NULL)
		return EX_OK;
	if (ferror(out) | fclose(out) || rename(partial, path) == -1) {
		unlink(partial);
		program_fail(EX_IOERR, "%s: %s", path, strerror(errno));
	}
	return EX_OK;
}

static const struct command {
	const char *name;
	int (*run)(const struct call *call);
	int least, most; /* arguments */
} commands[] = {
    {"status", show_status, 0, 0},
    {"agents", show_agents, 0, 0},
    {"sessions", show_sessions, 0, 0},
    {"customers", show_customers, 0, 0},
    {"customer", add_to_customer, 2, 2},
    {"kick", kick, 1, 1},
    {"drain", drain, 0, 0},
    {"reload", reload, 0, 0},
    {"watch", watch, 0, 1},
    {"metrics", metrics, 0, 0},
    {"log-level", set_log_level, 1, 1},
};

static const struct command *
find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

int
main(int argc, char **argv)
{
	const struct command *command;
	struct options options;
	struct call call;
	int given, status;

	log_open(NAME, LOG_TO_STDERR, 0);
	options = parse_options(argc, argv);
	command = optind < argc ? find_command(argv[optind]) : NULL;
	given = argc - optind - 1;
	if (command == NULL || given < command->least ||
	    given > command->most) {
		usage(stderr);
		return EX_USAGE;
	}
	call = (struct call){
	    .options = &options,
	    .name = command->name,
	    .arguments = argv + optind + 1,
	    .sock = connect_broker(&options),
	};
	if (ctl_sandbox_enter() == -1)
		program_fail(EX_OSERR, "sandbox: %s", strerror(errno));
	status = command->run(&call);
	fd_close(&call.sock);
	if (fflush(stdout) != 0)
		program_fail(EX_IOERR, "output: %s", strerror(errno));
	return status;
}
