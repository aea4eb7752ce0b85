/* hiredis's reader of replies, bounded: see reader.h. */
#include "presence/reader.h"

#if HIREDIS_MAJOR >= 1
typedef size_t array_size;
#else
typedef int array_size;
#endif

static redisReplyObjectFunctions bounded;
static void *(*make_array)(const redisReadTask *, array_size);

static void *
make_small_array(const redisReadTask *task, array_size elements)
{
	return elements > READER_ELEMENTS_MAX ? NULL
					      : make_array(task, elements);
}

redisReader *
reader_new(void)
{
	redisReader *r = redisReaderCreate();

	if (r == NULL)
		return NULL;
	if (make_array == NULL) {
		bounded = *r->fn;
		make_array = bounded.createArray;
		bounded.createArray = make_small_array;
	}
	r->fn = &bounded;
	return r;
}
