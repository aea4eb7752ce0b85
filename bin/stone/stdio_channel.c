/* Standard input and output as a channel: see stdio_channel.h. */
#include "stone/stdio_channel.h"
#include "base/container.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Has the channel's fd tell of fd, or no more. Returns 0, or -1 with errno. */
static int
watch(struct channel *ch, int fd, short events)
{
	struct stdio_channel *s = CONTAINER_OF(
	    ch, struct stdio_channel, channel);
	struct epoll_event event = {.events = (uint32_t)events};
	const int on = events != 0;

	if (s->watched[fd] == on)
		return 0;
	s->watched[fd] = on;
	return epoll_ctl(
	    ch->fd, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd, &event);
}

/* Whether fd would not block. Returns 0, or -1 with errno, EAGAIN if so. */
static int
try(struct channel *ch, int fd, short events)
{
	struct pollfd pfd = {.fd = fd, .events = events};

	if (poll(&pfd, 1, 0) != 0)
		return watch(ch, fd, 0);
	if (watch(ch, fd, events) == 0)
		errno = EAGAIN;
	return -1;
}

static ssize_t
read_input(struct channel *ch, void *buf, size_t len)
{
	ssize_t n;

	if (try(ch, STDIN_FILENO, POLLIN) == -1)
		return -1;
	n = read(STDIN_FILENO, buf, len);
	if (n > 0)
		ch->arrived += (uint64_t)n;
	return n;
}

/* A pipe with any room takes PIPE_BUF bytes without blocking. */
static ssize_t
write_output(struct channel *ch, const void *buf, size_t len)
{
	if (try(ch, STDOUT_FILENO, POLLOUT) == -1)
		return -1;
	return write(STDOUT_FILENO, buf, len < PIPE_BUF ? len : PIPE_BUF);
}

/* A socket may be fd 0 as well, and then outlives fd 1. */
static int
finish_output(struct channel *ch)
{
	(void)ch;
	if (shutdown(STDOUT_FILENO, SHUT_WR) == 0)
		return 0;
	return errno == ENOTSOCK ? close(STDOUT_FILENO) : -1;
}

static const struct channel_ops stdio_ops = {
    .read = read_input,
    .write = write_output,
    .finish = finish_output,
};

int
stdio_channel_init(struct stdio_channel *s)
{
	*s = (struct stdio_channel){
	    .channel = {.ops = &stdio_ops,
		.fd = epoll_create1(EPOLL_CLOEXEC),
		/* epoll's fd can be read when there is news of either */
		.read_wants = POLLIN,
		.write_wants = POLLIN},
	};
	return s->channel.fd == -1 ? -1 : 0;
}
