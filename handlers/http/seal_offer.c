/* What heads say of sealing: see seal_offer.h. */
#include "http/seal_offer.h"

#include <openssl/evp.h>
#include <string.h>

#define VERSION_PREFIX "1 "

/*
 * EVP_DecodeBlock passes over more than it should, and counts padding in: only
 * what comes out the same the other way round was exact.
 */
static int
decode(struct seal_offer *offer, const unsigned char *text, size_t len)
{
	unsigned char again[SEAL_OFFER_MAX];
	size_t padding = 0;

	if (len == 0 || len % 4 != 0 || len / 4 * 3 > sizeof(offer->hello) ||
	    EVP_DecodeBlock(offer->hello, text, (int)len) == -1)
		return -1;
	while (padding < 2 && text[len - 1 - padding] == '=')
		padding++;
	offer->len = len / 4 * 3 - padding;
	EVP_EncodeBlock(again, offer->hello, (int)offer->len);
	return memcmp(again, text, len) == 0 ? 0 : -1;
}

static int
read_value(struct seal_offer *offer, const struct head_field *field)
{
	const size_t prefix = strlen(VERSION_PREFIX);

	if (offer->len > 0 || field->value_len <= prefix ||
	    memcmp(field->value, VERSION_PREFIX, prefix) != 0)
		return -1;
	return decode(offer, (const unsigned char *)field->value + prefix,
	    field->value_len - prefix);
}

static int
is_one(const struct head_field *field)
{
	return field->value_len == 1 && field->value[0] == '1';
}

int
seal_offer_read(
    struct seal_offer *offer, const struct head *head, const char *buf)
{
	struct head_field field;
	size_t at = 0;

	offer->len = 0;
	offer->marked = 0;
	while (head_next_field(head, buf, &at, &field)) {
		if (head_field_is(&field, "X-Seal") &&
		    read_value(offer, &field) == -1)
			return -1;
		/* a stone's own stands before what a relay adds */
		offer->marked = head_field_is(&field, "X-Bare") &&
				is_one(&field);
	}
	return 0;
}

size_t
seal_offer_write(char out[static SEAL_OFFER_MAX], const unsigned char *hello,
    size_t len, int bare)
{
	char *at = stpcpy(out, "X-Seal: " VERSION_PREFIX);

	at += EVP_EncodeBlock((unsigned char *)at, hello, (int)len);
	at = stpcpy(at, "\r\n");
	if (bare)
		at = stpcpy(at, SEAL_BARE_FIELD);
	return (size_t)(at - out);
}
