/*
 * Decimal numbers as people write them: digits alone, no sign and no space.
 */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include <stdint.h>

/*
 * The number that text is, from min (0 or more) to max; -1 where it is not such
 * a number.
 */
int64_t number_parse(const char *text, int64_t min, int64_t max);

/* Likewise the number that *text begins with; *text is then what follows it. */
int64_t number_take(const char **text, int64_t min, int64_t max);

#endif
