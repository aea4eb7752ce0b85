/* Who a certificate is: see identity.h. */
#include "config/identity.h"
#include "base/hex.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void
identity_hex(const struct identity *id, char hex[static IDENTITY_HEX_SIZE])
{
	hex_write(hex, id->sha256, IDENTITY_BYTES);
}

int
identity_parse(struct identity *id, const char *text)
{
	static const char prefix[] = "sha256:";

	if (strncmp(text, prefix, sizeof(prefix) - 1) == 0)
		text += sizeof(prefix) - 1;
	for (size_t i = 0; i < IDENTITY_BYTES; i++) {
		char byte[3] = "";

		if (i > 0 && *text == ':')
			text++;
		if (!isxdigit((unsigned char)text[0]) ||
		    !isxdigit((unsigned char)text[1]))
			return -1;
		memcpy(byte, text, 2);
		id->sha256[i] = (uint8_t)strtoul(byte, NULL, 16);
		text += 2;
	}
	return *text == '\0' ? 0 : -1;
}
