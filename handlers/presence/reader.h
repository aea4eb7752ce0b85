/*
 * hiredis's reader of replies, bounded: it makes room for as many elements as
 * the store says there will be.
 */
#ifndef PRESENCE_READER_H
#define PRESENCE_READER_H

#include <hiredis/hiredis.h>

#define READER_ELEMENTS_MAX 256 /* of one array; more is an error */

/* Returns a reader for redisReaderFree, or NULL without memory. */
redisReader *reader_new(void);

#endif
