/*
 * The local client as standard input and output, as ssh(1) runs a ProxyCommand:
 * pipes, sockets, files or a terminal. They stay as blocking as they came,
 * since others may have them too.
 */
#ifndef STONE_STDIO_CHANNEL_H
#define STONE_STDIO_CHANNEL_H

#include "channel/channel.h"

struct stdio_channel {
	struct channel channel; /* its fd tells of both */
	int watched[2];         /* whether it does, of input, of output */
};

/*
 * Makes s->channel: it reads fd 0 and writes fd 1, whose end finish makes,
 * and leaves them open otherwise. Returns 0, or -1 with errno.
 */
int stdio_channel_init(struct stdio_channel *s);

#endif
