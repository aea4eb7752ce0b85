/*
 * A library for LD_PRELOAD that makes one call of a program fail, as the file
 * named by $FAULTS says, and steps its clock. The file is shared memory, so a
 * test changes what is to fail while the program runs: see struct control, and
 * sweep.py, which writes it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum call {
	NONE,
	READ,  /* read, recv, recvfrom: streams */
	WRITE, /* write, send, sendto */
	RECVMSG,
	SENDMSG,
	ACCEPT,
	CONNECT,
	SOCKET, /* and dup */
	SOCKETPAIR,
	EPOLL_CTL,
	EPOLL_WAIT,
	POLL,
	ALLOC, /* malloc, calloc, realloc */
	OPEN,  /* and fopen */
	FORK
};

#define SHORT  (-1) /* one byte, in place of an error */
#define CTRUNC (-2) /* recvmsg: the fd of the message is lost */

enum who { SELF, CHILD };

struct control {
	uint32_t armed; /* changes with each fault to come; 0: none */
	uint32_t who;   /* the program's first process, or a child of it */
	uint32_t skip;  /* so many children come before that one */
	uint32_t call;
	uint32_t n;        /* this one fails, counted from 1 */
	int32_t how;       /* an errno, SHORT or CTRUNC */
	uint32_t calls;    /* how many came */
	uint32_t hits;     /* how many failed */
	uint32_t crashes;  /* SIGSEGV and its like, in any process */
	uint32_t children; /* since armed */
	int64_t step;      /* of CLOCK_REALTIME, in seconds */
};

static volatile struct control *control;
static uint32_t seen; /* the last armed that this process knows of */
static uint32_t count;
static int is_child, is_victim;

/* ---- who, and when ---- */

static int
strikes(enum call call)
{
	uint32_t armed;

	if (control == NULL || (armed = control->armed) == 0)
		return 0;
	if (is_child ? !is_victim || seen != armed : control->who != SELF)
		return 0;
	if (seen != armed) {
		seen = armed;
		count = 0;
	}
	if (control->call != (uint32_t)call)
		return 0;
	control->calls = ++count;
	if (count != control->n)
		return 0;
	control->hits++;
	return control->how;
}

static void
in_child(void)
{
	is_child = 1;
	is_victim = 0;
	if (control == NULL || control->armed == 0 || control->who != CHILD)
		return;
	seen = control->armed;
	count = 0;
	is_victim = __sync_fetch_and_add(&control->children, 1) ==
		    control->skip;
}

static void
crashed(int sig)
{
	control->crashes++;
	signal(sig, SIG_DFL);
	raise(sig);
}

__attribute__((constructor)) static void
load(void)
{
	static const int deadly[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE};
	const char *path = getenv("FAULTS");
	void *p;
	int fd;

	if (path == NULL || (fd = open(path, O_RDWR | O_CLOEXEC)) == -1)
		return;
	p = mmap(
	    NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return;
	control = p;
	in_child(); /* of a spawner that has no shim, if one is armed by now */
	is_child = is_victim;
	pthread_atfork(NULL, NULL, in_child);
	for (size_t i = 0; i < sizeof(deadly) / sizeof(*deadly); i++)
		signal(deadly[i], crashed);
}

/* ---- the calls ---- */

/* Looks the real one up; nothing here may allocate on the way. */
#define REAL(name)                                                             \
	static __typeof__(&name) real;                                         \
	if (real == NULL)                                                      \
	real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define FAIL(how, value)                                                       \
	do {                                                                   \
		if ((how) > 0) {                                               \
			errno = (how);                                         \
			return (value);                                        \
		}                                                              \
	} while (0)

#define STREAM(call, name, params, args, len)                                  \
	ssize_t name params                                                    \
	{                                                                      \
		int how = strikes(call);                                       \
		REAL(name);                                                    \
		FAIL(how, -1);                                                 \
		if (how == SHORT && len > 1)                                   \
			len = 1;                                               \
		return real args;                                              \
	}

STREAM(READ, read, (int fd, void *buf, size_t n), (fd, buf, n), n)
STREAM(READ, recv, (int fd, void *buf, size_t n, int fl), (fd, buf, n, fl), n)
STREAM(WRITE, write, (int fd, const void *buf, size_t n), (fd, buf, n), n)
STREAM(WRITE, send, (int fd, const void *buf, size_t n, int fl),
    (fd, buf, n, fl), n)
STREAM(READ, recvfrom,
    (int fd, void *restrict buf, size_t n, int fl, struct sockaddr *restrict sa,
	socklen_t *restrict sl),
    (fd, buf, n, fl, sa, sl), n)
STREAM(WRITE, sendto,
    (int fd, const void *buf, size_t n, int fl, const struct sockaddr *sa,
	socklen_t sl),
    (fd, buf, n, fl, sa, sl), n)

/* What -D_FORTIFY_SOURCE makes of them. */
ssize_t __read_chk(int, void *, size_t, size_t);
ssize_t __recv_chk(int, void *, size_t, size_t, int);
int __poll_chk(struct pollfd *, nfds_t, int, size_t);

ssize_t
__read_chk(int fd, void *buf, size_t n, size_t size)
{
	(void)size;
	return read(fd, buf, n);
}

ssize_t
__recv_chk(int fd, void *buf, size_t n, size_t size, int flags)
{
	(void)size;
	return recv(fd, buf, n, flags);
}

#define SIMPLE(call, type, name, params, args)                                 \
	type name params                                                       \
	{                                                                      \
		int how = strikes(call);                                       \
		REAL(name);                                                    \
		FAIL(how, -1);                                                 \
		return real args;                                              \
	}

SIMPLE(SENDMSG, ssize_t, sendmsg, (int fd, const struct msghdr *m, int fl),
    (fd, m, fl))
SIMPLE(ACCEPT, int, accept4,
    (int fd, struct sockaddr *restrict sa, socklen_t *restrict sl, int fl),
    (fd, sa, sl, fl))
SIMPLE(CONNECT, int, connect, (int fd, const struct sockaddr *sa, socklen_t sl),
    (fd, sa, sl))
SIMPLE(SOCKET, int, socket, (int a, int b, int c), (a, b, c))
SIMPLE(SOCKET, int, dup, (int fd), (fd))
SIMPLE(
    SOCKETPAIR, int, socketpair, (int a, int b, int c, int p[2]), (a, b, c, p))
SIMPLE(EPOLL_CTL, int, epoll_ctl,
    (int e, int op, int fd, struct epoll_event *ev), (e, op, fd, ev))
SIMPLE(EPOLL_WAIT, int, epoll_wait,
    (int e, struct epoll_event *ev, int n, int timeout), (e, ev, n, timeout))
SIMPLE(POLL, int, poll, (struct pollfd * p, nfds_t n, int timeout),
    (p, n, timeout))
SIMPLE(FORK, pid_t, fork, (void), ())

int
__poll_chk(struct pollfd *p, nfds_t n, int timeout, size_t size)
{
	(void)size;
	return poll(p, n, timeout);
}

static void
lose_fds(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL;
	     c = CMSG_NXTHDR(m, c)) {
		int fd;

		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
		close(fd);
	}
	m->msg_controllen = 0;
	m->msg_flags |= MSG_CTRUNC;
}

ssize_t
recvmsg(int fd, struct msghdr *m, int flags)
{
	int how = strikes(RECVMSG);
	ssize_t n;

	REAL(recvmsg);
	FAIL(how, -1);
	n = real(fd, m, flags);
	if (how == CTRUNC && n > 0)
		lose_fds(m);
	return n;
}

/* ---- files ---- */

int
open(const char *path, int flags, ...)
{
	int how = strikes(OPEN);
	va_list ap;
	mode_t mode;

	REAL(open);
	FAIL(how, -1);
	va_start(ap, flags);
	mode = (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return real(path, flags, mode);
}

FILE *
fopen(const char *restrict path, const char *restrict mode)
{
	int how = strikes(OPEN);

	REAL(fopen);
	FAIL(how, NULL);
	return real(path, mode);
}

FILE *
fopen64(const char *restrict path, const char *restrict mode)
{
	return fopen(path, mode);
}

/* ---- memory ---- */

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);

void *
malloc(size_t n)
{
	FAIL(strikes(ALLOC), NULL);
	return __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	FAIL(strikes(ALLOC), NULL);
	return __libc_calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
	FAIL(strikes(ALLOC), NULL);
	return __libc_realloc(p, n);
}

/* ---- the clock ---- */

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	int rc;

	REAL(clock_gettime);
	rc = real(id, ts);
	if (rc == 0 && id == CLOCK_REALTIME && control != NULL)
		ts->tv_sec += control->step;
	return rc;
}

time_t
time(time_t *t)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (t != NULL)
		*t = ts.tv_sec;
	return ts.tv_sec;
}

int
gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}
