/* The page of a customer: see page.h. */
#include "http/page.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The Makefile makes this anew when page.html changes. */
__asm__(".section .rodata\n"
	".globl page_html\n"
	".globl page_bytes\n"
	"page_html:\n"
	".incbin \"handlers/http/page.html\"\n"
	"page_end:\n"
	".byte 0\n"
	".balign 4\n"
	"page_bytes:\n"
	".long page_end - page_html\n"
	".previous\n");

extern const uint32_t page_bytes;

#define HASH_BYTES  32
#define HASH_BASE64 (4 * ((HASH_BYTES + 2) / 3) + 1)

size_t
page_length(void)
{
	return page_bytes;
}

/*
 * The hash of what stands between two tags, as a Content-Security-Policy has
 * it. Returns 0 or -1.
 */
static int
hash_between(const char *from, const char *to, char base64[static HASH_BASE64])
{
	const char *start = strstr(page_html, from), *end;
	unsigned char hash[HASH_BYTES];
	size_t n = HASH_BYTES;

	if (start == NULL)
		return -1;
	start += strlen(from);
	end = strstr(start, to);
	if (end == NULL || EVP_Q_digest(NULL, "SHA256", NULL, start,
			       (size_t)(end - start), hash, &n) != 1)
		return -1;
	EVP_EncodeBlock((unsigned char *)base64, hash, HASH_BYTES);
	return 0;
}

int
page_head(char out[static PAGE_HEAD_MAX], int json, size_t length)
{
	char script[HASH_BASE64], style[HASH_BASE64];

	if (hash_between("<script>", "</script>", script) == -1 ||
	    hash_between("<style>", "</style>", style) == -1)
		return -1;
	return snprintf(out, PAGE_HEAD_MAX,
	    "HTTP/1.1 200 OK\r\n"
	    "Content-Type: %s; charset=utf-8\r\n"
	    "Content-Length: %zu\r\n"
	    "Content-Security-Policy: default-src 'none'; "
	    "script-src 'sha256-%s'; style-src 'sha256-%s'; "
	    "connect-src 'self'; img-src data:; base-uri 'none'; "
	    "form-action 'none'; frame-ancestors 'none'\r\n"
	    "X-Content-Type-Options: nosniff\r\n"
	    "Referrer-Policy: no-referrer\r\n"
	    "Cross-Origin-Resource-Policy: same-origin\r\n"
	    "Cache-Control: no-store\r\n"
	    "Vary: Accept\r\n"
	    "Connection: close\r\n"
	    "\r\n",
	    json ? "application/json" : "text/html", length, script, style);
}
