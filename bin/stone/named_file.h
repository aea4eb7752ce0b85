/*
 * Where a file is that relay-stone's configuration names.
 */
#ifndef STONE_NAMED_FILE_H
#define STONE_NAMED_FILE_H

/*
 * Finds name, as a word of file has it (NULL: the command line): as it stands,
 * as for stone, or else beside the file. Returns a path that the caller frees,
 * or NULL with errno.
 */
char *stone_named_file(const char *file, const char *name);

#endif
