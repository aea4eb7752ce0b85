/* What things are called in the store: see names.h. */
#include "presence/names.h"
#include "base/hex.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

static int
name_key(char name[static NAMES_KEY_SIZE], const char prefix[static 5],
    const uint8_t secret[static SETTINGS_DIGEST],
    const struct customer_key *key)
{
	uint8_t digest[SETTINGS_DIGEST];

	if (HMAC(EVP_sha256(), secret, SETTINGS_DIGEST,
		(const uint8_t *)key->text, strlen(key->text), digest,
		NULL) == NULL)
		return -1;
	memcpy(name, prefix, 5);
	hex_write(name + 5, digest, sizeof(digest));
	return 0;
}

int
names_agents(char name[static NAMES_KEY_SIZE],
    const uint8_t secret[static SETTINGS_DIGEST],
    const struct customer_key *key)
{
	return name_key(name, "vw:a:", secret, key);
}

int
names_usage(char name[static NAMES_KEY_SIZE],
    const uint8_t secret[static SETTINGS_DIGEST],
    const struct customer_key *key)
{
	return name_key(name, "vw:u:", secret, key);
}

void
names_lease(char name[static NAMES_LEASE_SIZE], const char *node)
{
	snprintf(name, NAMES_LEASE_SIZE, "vw:n:%s", node);
}
