/*
 * Hash tables, by uthash(3), set up for the relay: an addition that fails for
 * want of memory leaves the new item's hh.tbl NULL and is its caller's to
 * report; uthash would call exit(3).
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#endif
