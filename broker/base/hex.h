/*
 * Bytes in hexadecimal.
 */
#ifndef BASE_HEX_H
#define BASE_HEX_H

#include <stddef.h>
#include <stdint.h>

/* Writes the n bytes as 2 * n lower-case digits and a NUL to hex. */
void hex_write(char *hex, const uint8_t *bytes, size_t n);

#endif
