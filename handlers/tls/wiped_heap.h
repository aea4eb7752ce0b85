/*
 * OpenSSL's heap, of which nothing is left where it is freed: requests, what is
 * in records, certificates. OpenSSL itself wipes keys alone.
 */
#ifndef TLS_WIPED_HEAP_H
#define TLS_WIPED_HEAP_H

/*
 * Has OpenSSL allocate and free by functions of ours. Call it before anything
 * else of OpenSSL. Returns 0, or -1.
 */
int wiped_heap_init(void);

/* From now on, in this process, they wipe what is freed. */
void wiped_heap_begin(void);

#endif
