/*
 * "sandboxed CONF PATH STAGE CALL": enters a stage of a program's sandbox, by
 * the function that the program calls, and makes a system call. CONF is a
 * relay.conf; PATH a file for the calls that would write one. Prints "allowed",
 * or why the call was refused; a call that is forbidden kills, with SIGSYS.
 */
#define _GNU_SOURCE
#include "agent/sandbox.h"
#include "base/failure.h"
#include "base/harden.h"
#include "base/log.h"
#include "base/program.h"
#include "broker_sandbox.h"
#include "connection/handler_sandbox.h"
#include "ctl/sandbox.h"
#include "keyd/keyd_sandbox.h"
#include "presence/presence_sandbox.h"
#include "spawn/handoff_sandbox.h"
#include "spawn/listen_sandbox.h"
#include "stone/sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static struct relay_conf conf;
static const char *path; /* to write to, or to remove */
static int tcp;          /* a socket from before, as a client's is */
static struct agent_conf agent = {.relays = {1, {{"127.0.0.1", "9"}}},
    .ntargets = 1,
    .targets = {{.addr = {"127.0.0.1", "10"}}}};
static struct forwards stone = {
    .conf = {
	.nforwards = 1, .forwards = {{.relays = {1, {{"127.0.0.1", "9"}}}}}}};

/* ---- stages ---- */

static int
broker(void)
{
	return broker_sandbox_enter(&conf);
}

static int
listen_(void)
{
	return listen_sandbox_enter(&conf);
}

static int
handler_of_listen(void)
{
	return listen_() == -1 ? -1 : handler_sandbox_serve();
}

static int
handler_loading(void)
{
	return handler_sandbox_make() == -1 ? -1 : handler_sandbox_load(&conf);
}

static int
handler(void)
{
	return handler_loading() == -1 ? -1 : handler_sandbox_serve();
}

static int
keyd(void)
{
	return keyd_sandbox_enter(&conf);
}

/* With a token, whose folder is that of the CA. */
static int
keyd_token(void)
{
	conf.key_on_token = 1;
	conf.token_folder = strdup(conf.ca);
	*strrchr(conf.token_folder, '/') = '\0';
	return keyd();
}

/* Of a store where the relay of the others is. */
static int
presence(void)
{
	struct settings s = {.conf = conf};
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(9)};

	s.conf.nstores = 1;
	memcpy(&s.places[0].address, &at, sizeof(at));
	return presence_sandbox_enter(&s);
}

static int
agent_pool(void)
{
	return agent_sandbox_enter(&agent);
}

static int
agent_poll(void)
{
	return agent_pool() == -1 ? -1 : agent_sandbox_poll();
}

static int
agent_poll_names(void)
{
	strcpy(agent.targets[0].addr.host, "localhost");
	return agent_poll();
}

static int
stone_server(void)
{
	return stone_sandbox_enter(&stone);
}

static int
stone_session(void)
{
	return stone_server() == -1 ? -1 : stone_sandbox_session();
}

/* ---- calls: -1 with errno, or anything else ---- */

static long
call_exec(void)
{
	char *const none[] = {NULL};

	return execve("/bin/true", none, none);
}

static long
call_fork(void)
{
	long pid = fork();

	if (pid == 0)
		_exit(0);
	return pid;
}

static long
call_kill(void)
{
	return kill(1, 0);
}

static long
call_ptrace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static long
call_peek(void)
{
	return process_vm_readv(1, NULL, 0, NULL, 0, 0);
}

static long
call_executable(void)
{
	return (long)mmap(NULL, 4096, PROT_READ | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static long
call_protect(void)
{
	static char page[8192] __attribute__((aligned(4096)));

	return mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static long
call_open(void)
{
	return open("/etc/hosts", O_RDONLY);
}

static long
call_read_elsewhere(void)
{
	return open("/proc/version", O_RDONLY);
}

static long
call_read_etc(void)
{
	return open("/etc/passwd", O_RDONLY);
}

static long
call_read_state(void)
{
	return open("/var/lib/dpkg/status", O_RDONLY);
}

static long
call_read_resolv(void)
{
	return open("/etc/resolv.conf", O_RDONLY);
}

static long
call_read_beside(void)
{
	return open(conf.certificate, O_RDONLY);
}

static long
call_write(void)
{
	return open(path, O_WRONLY | O_CREAT, 0600);
}

static long
call_unlink(void)
{
	return unlink(path);
}

static long
call_list(void)
{
	char entries[4096];

	return syscall(SYS_getdents64,
	    open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), entries,
	    sizeof(entries));
}

static long
call_lock(void)
{
	return mlock(&conf, sizeof(conf));
}

static long
call_inet(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static long
call_packet(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0);
}

static long
call_stream(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static long
call_seqpacket(void)
{
	return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
}

static long
call_write_out(void)
{
	return write(STDERR_FILENO, "", 0);
}

/* Nobody listens there: what is allowed is refused by the other side. */
static long
connect_to(uint16_t port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return connect(fd, (const struct sockaddr *)&sin, sizeof(sin)) == -1 &&
		       errno == ECONNREFUSED
		   ? 0
		   : -1;
}

static long
call_connect_relay(void)
{
	return connect_to(9);
}

static long
call_connect_target(void)
{
	return connect_to(10);
}

static long
call_connect_other(void)
{
	return connect_to(11);
}

/* Ways to a port past connect(2). */
static long
send_fast(int sends)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
	    .sin_port = htons(11),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct iovec io = {"x", 1};
	struct msghdr msg = {.msg_name = &sin,
	    .msg_namelen = sizeof(sin),
	    .msg_iov = &io,
	    .msg_iovlen = 1};
	struct mmsghdr many = {.msg_hdr = msg};

	if (sends == 0)
		return sendto(tcp, "x", 1, MSG_FASTOPEN,
		    (const struct sockaddr *)&sin, sizeof(sin));
	if (sends == 1)
		return sendmsg(tcp, &msg, MSG_FASTOPEN);
	return sendmmsg(tcp, &many, 1, MSG_FASTOPEN);
}

static long
call_fast_sendto(void)
{
	return send_fast(0);
}

static long
call_fast_sendmsg(void)
{
	return send_fast(1);
}

static long
call_fast_sendmmsg(void)
{
	return send_fast(2);
}

static long
call_ulp(void)
{
	return setsockopt(tcp, IPPROTO_TCP, TCP_ULP, "smc", 3);
}

static long
call_nodelay(void)
{
	const int on = 1;

	return setsockopt(tcp, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static long
call_mptcp(void)
{
	return socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
}

static long
call_sctp(void)
{
	return socket(AF_INET6, SOCK_STREAM, IPPROTO_SCTP);
}

static long
call_raw(void)
{
	return socket(AF_INET, SOCK_RAW, IPPROTO_UDP);
}

static long
call_udp(void)
{
	return socket(AF_INET, SOCK_DGRAM, 0);
}

static long
call_netfilter(void)
{
	return socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
}

static const struct {
	const char *name;
	int (*enter)(void);
} stages[] = {
    {"broker", broker},
    {"listen", listen_},
    {"listen-handler", handler_of_listen},
    {"handler-loading", handler_loading},
    {"handler", handler},
    {"handoff", handoff_sandbox_enter},
    {"keyd", keyd},
    {"keyd-token", keyd_token},
    {"presence", presence},
    {"agent", agent_pool},
    {"agent-poll", agent_poll},
    {"stone", stone_server},
    {"stone-session", stone_session},
    {"agent-poll-names", agent_poll_names},
    {"relayctl", ctl_sandbox_enter},
    {"relayctl-ledger", ctl_sandbox_ledger},
    {"relayctl-courier", ctl_sandbox_courier},
};

static const struct {
	const char *name;
	long (*make)(void);
} calls[] = {
    {"exec", call_exec},
    {"fork", call_fork},
    {"kill", call_kill},
    {"ptrace", call_ptrace},
    {"peek", call_peek},
    {"executable", call_executable},
    {"protect", call_protect},
    {"open", call_open},
    {"read-elsewhere", call_read_elsewhere},
    {"read-etc", call_read_etc},
    {"read-state", call_read_state},
    {"read-resolv", call_read_resolv},
    {"read-beside", call_read_beside},
    {"write-file", call_write},
    {"unlink", call_unlink},
    {"list", call_list},
    {"lock", call_lock},
    {"inet", call_inet},
    {"packet", call_packet},
    {"stream", call_stream},
    {"seqpacket", call_seqpacket},
    {"write", call_write_out},
    {"connect-relay", call_connect_relay},
    {"connect-target", call_connect_target},
    {"connect-other", call_connect_other},
    {"fast-sendto", call_fast_sendto},
    {"fast-sendmsg", call_fast_sendmsg},
    {"fast-sendmmsg", call_fast_sendmmsg},
    {"ulp", call_ulp},
    {"nodelay", call_nodelay},
    {"mptcp", call_mptcp},
    {"sctp", call_sctp},
    {"raw", call_raw},
    {"udp", call_udp},
    {"netfilter", call_netfilter},
};

int
main(int argc, char **argv)
{
	const char *what;
	struct failure f;
	size_t s = 0, c = 0;

	if (argc != 5 || harden_process(-1) == -1 ||
	    relay_conf_read(&conf, argv[1], &f) == -1)
		return EX_USAGE;
	log_open("sandboxed", LOG_TO_STDERR, 0);
	path = argv[2];
	tcp = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	while (s < sizeof(stages) / sizeof(*stages) &&
	       strcmp(stages[s].name, argv[3]) != 0)
		s++;
	while (c < sizeof(calls) / sizeof(*calls) &&
	       strcmp(calls[c].name, argv[4]) != 0)
		c++;
	if (s == sizeof(stages) / sizeof(*stages) ||
	    c == sizeof(calls) / sizeof(*calls))
		return EX_USAGE;
	if (stages[s].enter() == -1)
		return EX_OSERR;
	what = calls[c].make() != -1 ? "allowed" : strerrorname_np(errno);
	/* dprintf(3) would ask for more than a handler may */
	return write(STDOUT_FILENO, what, strlen(what)) == -1;
}
