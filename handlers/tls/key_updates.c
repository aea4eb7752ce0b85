/* A bound on KeyUpdates: see key_updates.h. */
#include "tls/key_updates.h"

#include <stdint.h>
#include <sys/socket.h>

/* As in BoringSSL. Who moves data updates once in millions of records. */
#define IN_A_ROW_MAX 32

static int count_index = -1;

/* OpenSSL calls this for each record and message of either direction. */
static void
count(int write_p, int version, int type, const void *buf, size_t len, SSL *ssl,
    void *arg)
{
	uintptr_t n = (uintptr_t)SSL_get_ex_data(ssl, count_index);

	(void)version;
	if (write_p || len == 0)
		return;
	if (type == SSL3_RT_INNER_CONTENT_TYPE &&
	    *(const uint8_t *)buf == SSL3_RT_APPLICATION_DATA)
		n = 0;
	else if (type == SSL3_RT_HANDSHAKE &&
		 *(const uint8_t *)buf == SSL3_MT_KEY_UPDATE)
		n++;
	else
		return;
	/* it was set before, so this allocates nothing */
	SSL_set_ex_data(ssl, count_index, (void *)n);
	if (n > IN_A_ROW_MAX)
		shutdown((int)(intptr_t)arg, SHUT_RDWR);
}

int
key_updates_bound(SSL *ssl, int fd)
{
	if (count_index == -1)
		count_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	if (count_index == -1 || SSL_set_ex_data(ssl, count_index, NULL) != 1)
		return -1;
	SSL_set_msg_callback(ssl, count);
	SSL_set_msg_callback_arg(ssl, (void *)(intptr_t)fd);
	return 0;
}
