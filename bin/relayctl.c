/*
 * relayctl(8): shows an administrator who is connected to the relay, and
 * ends, reloads and drains. All that it knows comes from the broker; all that
 * it writes is the table of customers.
 */
#include "base/failure.h"
#include "base/fd.h"
#include "base/harden.h"
#include "base/log.h"
#include "base/number.h"
#include "base/program.h"
#include "config/relay_conf.h"
#include "ctl/command.h"
#include "ctl/ledger.h"
#include "ctl/relays.h"
#include "ctl/sandbox.h"
#include "ipc/ipc_socket.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "relayctl"

#define NEXT_LINE "\n                            "

/* What a command is beside those that ask the broker and print the answer. */
enum {
	ALONE = 1,    /* goes on where no broker is there */
	OFFLINE = 2,  /* asks none */
	CONFINES = 4, /* enters the sandbox by itself */
	LEDGER = 8,   /* reads or writes it */
	ALL = 16,     /* may ask all relays */
};

static const struct command {
	const char *usage; /* its name first */
	const char *help;
	int (*run)(const struct ctl_call *call);
	int least, most; /* arguments */
	int kind;
} commands[] = {
    {"status", "the broker itself, in numbers", command_status, 0, 0, ALL},
    {"agents", "agents that wait", command_agents, 0, 0, ALL},
    {"sessions", "live sessions", command_sessions, 0, 0, ALL},
    {"customers", "customers, and what they have used", command_customers, 0, 0,
	ALL},
    {"recent [number]", "the last refusals and failures", command_recent, 0, 1,
	ALL},
    {"why name|address|sha256",
	"what stands in somebody's way" NEXT_LINE "(a PEM file will do, too)",
	command_why, 1, 1, 0},
    {"check", "whether this relay is set up well", command_check, 0, 0,
	ALONE | CONFINES},
    {"diag file.tar", "all that a helper asks for, and no key", command_diag, 1,
	1, ALONE | CONFINES},
    {"customer name certificate",
	"add a certificate to the customer," NEXT_LINE
	"and reload; sha256:... or a PEM file",
	command_customer, 2, 2, 0},
    {"kick id|customer|sha256", "end a session, or all of a customer",
	command_kick, 1, 1, ALL},
    {"drain", "no new session; end after the last", command_drain, 0, 0, ALL},
    {"reload", "read all files again, check everyone", command_reload, 0, 0,
	ALL},
    {"watch [seconds]", "a table that redraws itself", command_watch, 0, 1, 0},
    {"metrics [--textfile path]", "Prometheus text", command_metrics, 0, 0, 0},
    {"account [--file path]",
	"note what was used, for" NEXT_LINE "usage; a timer does this",
	command_account, 0, 0, LEDGER},
    {"usage [--since date]",
	"what was used, by day and" NEXT_LINE "customer; also --csv, --file",
	command_usage, 0, 0, LEDGER | OFFLINE},
    {"log-level level", "debug, info, notice, warning or err",
	command_log_level, 1, 1, 0},
};

static void
usage(FILE *out)
{
	fprintf(
	    out, "usage: " NAME " [-ajV] [-c file] [-s socket] command\n\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		fprintf(
		    out, "  %-25s %s\n", commands[i].usage, commands[i].help);
	fprintf(out,
	    "\n"
	    "  -c, --conf file      default " CONF_PATH "\n"
	    "  -s, --socket socket  the broker's, whatever the file says\n"
	    "  -a, --all            ask all relays of relay-cluster(7)\n"
	    "  -j, --json           for programs: see relayctl(8)\n"
	    "  -V, --version\n"
	    "  -h, --help\n");
}

static struct ctl_options
parse_options(int argc, char **argv)
{
	static const struct option longs[] = {
	    {"conf", required_argument, NULL, 'c'},
	    {"socket", required_argument, NULL, 's'},
	    {"all", no_argument, NULL, 'a'},
	    {"json", no_argument, NULL, 'j'},
	    {"textfile", required_argument, NULL, 't'},
	    {"file", required_argument, NULL, 'f'},
	    {"since", required_argument, NULL, 'd'},
	    {"csv", no_argument, NULL, 'C'},
	    {"version", no_argument, NULL, 'V'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	struct ctl_options o = {.conf = CONF_PATH};
	int c;

	while ((c = getopt_long(argc, argv, "c:s:ajVh", longs, NULL)) != -1)
		switch (c) {
		case 'c':
			o.conf = optarg;
			break;
		case 's':
			o.socket = optarg;
			break;
		case 'a':
			o.all = 1;
			break;
		case 'j':
			o.json = 1;
			break;
		case 't':
			o.textfile = optarg;
			break;
		case 'f':
			o.file = optarg;
			break;
		case 'd':
			o.since = optarg;
			break;
		case 'C':
			o.csv = 1;
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

/* The path of the broker's socket; the caller frees it. */
static char *
find_socket(const struct ctl_options *o)
{
	struct relay_conf conf;
	struct failure f;
	char *path;

	if (o->socket != NULL) {
		path = strdup(o->socket);
	} else {
		if (relay_conf_read(&conf, o->conf, &f) == -1)
			program_fail(EX_CONFIG, "%s", f.text);
		path = strdup(conf.socket);
		relay_conf_free(&conf);
	}
	if (path == NULL)
		program_fail(EX_OSERR, "%s", strerror(errno));
	return path;
}

/* Returns -1 with errno where no broker is there, and that is no failure. */
static int
connect_broker(const char *path, int alone)
{
	const int sock = ipc_socket_connect(path);

	if (sock != -1 || alone)
		return sock;
	if (errno == EACCES)
		program_fail(EX_NOPERM,
		    "only root and the members of admin_group may do this");
	program_fail(EX_UNAVAILABLE, "%s: %s: is relay-broker running?", path,
	    strerror(errno));
}

static const struct command *
find_command(const char *name)
{
	const size_t n = strlen(name);

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (strcspn(commands[i].usage, " ") == n &&
		    strncmp(commands[i].usage, name, n) == 0)
			return &commands[i];
	return NULL;
}

/* The command that the words ask for; gives up where there is none such. */
static const struct command *
take_command(int nwords, char **words)
{
	const struct command *command;

	if (nwords == 0) {
		usage(stderr);
		exit(EX_USAGE);
	}
	command = find_command(words[0]);
	if (command == NULL)
		program_fail(EX_USAGE,
		    "%s: no such command (" NAME " --help lists them)",
		    words[0]);
	if (nwords - 1 < command->least || nwords - 1 > command->most)
		program_fail(EX_USAGE, "%s: too %s arguments (" NAME " %s)",
		    words[0], nwords - 1 < command->least ? "few" : "many",
		    command->usage);
	return command;
}

/* Gives up where an option says nothing to the command. */
static void
check_options(const struct command *command, const struct ctl_options *o)
{
	const char *option = NULL;

	if (o->textfile != NULL && command->run != command_metrics)
		option = "--textfile";
	else if (o->file != NULL && (command->kind & LEDGER) == 0)
		option = "--file";
	else if (o->since != NULL && command->run != command_usage)
		option = "--since";
	else if (o->csv && (command->run != command_usage || o->json))
		option = "--csv";
	else if (o->all && (command->kind & ALL) == 0)
		option = "--all";
	if (option != NULL)
		program_fail(EX_USAGE, "%.*s%s: %s is not for this",
		    (int)strcspn(command->usage, " "), command->usage,
		    o->json ? " --json" : "", option);
}

static void
confine(const struct command *command)
{
	if ((command->kind & CONFINES) != 0)
		return;
	if (((command->kind & LEDGER) != 0 ? ctl_sandbox_ledger()
					   : ctl_sandbox_enter()) == -1)
		program_fail(EX_OSERR, "sandbox: %s", strerror(errno));
}

int
main(int argc, char **argv)
{
	const struct command *command;
	struct ctl_options options;
	struct ctl_call call = {.options = &options, .sock = -1};
	static struct ctl_relays relays;
	char *socket = NULL;
	int status;

	log_open(NAME, LOG_TO_STDERR, 0);
	options = parse_options(argc, argv);
	command = take_command(argc - optind, argv + optind);
	check_options(command, &options);
	if (options.all && harden_process(-1) == -1)
		program_fail(EX_OSERR, "hardening: %s", strerror(errno));
	if (options.file == NULL)
		options.file = LEDGER_PATH;
	call.name = argv[optind];
	call.arguments = argv + optind + 1;
	if ((command->kind & OFFLINE) == 0) {
		call.socket = socket = find_socket(&options);
		call.sock = connect_broker(
		    socket, options.all || (command->kind & ALONE) != 0);
		call.error = errno;
	}
	if (options.all) {
		ctl_relays_open(&relays, options.conf, call.sock, call.error);
		call.relays = &relays;
	}
	confine(command);
	status = command->run(&call);
	ctl_relays_close(&relays);
	fd_close(&call.sock);
	free(socket);
	if (fflush(stdout) != 0)
		program_fail(EX_IOERR, "output: %s", strerror(errno));
	return status;
}
