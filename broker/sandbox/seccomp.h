/*
 * Filters of system calls, by seccomp(2): what a process may call from now on,
 * it and its children, for good. Any other call kills it (SIGSYS). A filter is
 * made once by libseccomp, and entered as often as there are processes for it
 * by one system call, since making takes longer.
 */
#ifndef SANDBOX_SECCOMP_H
#define SANDBOX_SECCOMP_H

#include <linux/filter.h>
#include <seccomp.h>
#include <stddef.h>

/* A call that is allowed if all its conditions hold; rules of one call add. */
struct filter_rule {
	int call;    /* SCMP_SYS(name) */
	int refused; /* not 0: it isn't allowed, but only fails, with this */
	unsigned nconditions;
	struct scmp_arg_cmp conditions[3];
};

#define FILTER_CALL(name)                                                      \
	{                                                                      \
		.call = SCMP_SYS(name)                                         \
	}

/* The argument number n (0 is the first) is value. */
#define FILTER_IS(name, n, value)                                              \
	{                                                                      \
		.call = SCMP_SYS(name), .nconditions = 1, .conditions = {      \
			{(n), SCMP_CMP_EQ, (value), 0}                         \
		}                                                              \
	}

/* It is anything but value. */
#define FILTER_OTHER(name, n, value)                                           \
	{                                                                      \
		.call = SCMP_SYS(name), .nconditions = 1, .conditions = {      \
			{(n), SCMP_CMP_NE, (value), 0}                         \
		}                                                              \
	}

/* It has none of the bits. */
#define FILTER_LACKS(name, n, bits)                                            \
	{                                                                      \
		.call = SCMP_SYS(name), .nconditions = 1, .conditions = {      \
			{(n), SCMP_CMP_MASKED_EQ, (bits), 0}                   \
		}                                                              \
	}

/* socket(2) of this family and type. */
#define FILTER_SOCKET(family, type)                                            \
	{                                                                      \
		.call = SCMP_SYS(socket), .nconditions = 2, .conditions = {    \
			{0, SCMP_CMP_EQ, (family), 0},                         \
			{1, SCMP_CMP_MASKED_EQ, 0xf, (type)},                  \
		}                                                              \
	}

/* The same, of this protocol. */
#define FILTER_PROTOCOL(family, type, protocol)                                \
	{                                                                      \
		.call = SCMP_SYS(socket), .nconditions = 3, .conditions = {    \
			{0, SCMP_CMP_EQ, (family), 0},                         \
			{1, SCMP_CMP_MASKED_EQ, 0xf, (type)},                  \
			{2, SCMP_CMP_EQ, (protocol), 0},                       \
		}                                                              \
	}

struct filter_list {
	const struct filter_rule *rules;
	size_t n;
};

/* The list of an array of rules. */
#define FILTER_LIST(rules)                                                     \
	{                                                                      \
		(rules), sizeof(rules) / sizeof(*(rules))                      \
	}

/*
 * What every program needs to live, talk on what it holds, log, and end: no
 * file, no process, no network, no executable memory.
 */
extern const struct filter_list filter_common;

/*
 * syslog(3), which connects again where the daemon was restarted; one for
 * programs that open no other stream of the Unix domain.
 */
extern const struct filter_list filter_logging;

/* To open and read files, as far as Landlock lets it. */
extern const struct filter_list filter_reading;

/* To accept connections, and have children serve them. */
extern const struct filter_list filter_forking;

/* A made filter; code NULL: not made, or the kernel has no seccomp(2). */
struct filter {
	struct sock_filter *code;
	unsigned short len;
};

/*
 * Makes the filter of all rules in the n lists. Returns 0, with code NULL where
 * the kernel cannot filter, or -1 with errno. The caller frees it.
 */
int filter_make(struct filter *f, const struct filter_list *lists, size_t n);

/*
 * Enters it, on top of those that the process has already: the call must be
 * allowed by all. Needs NO_NEW_PRIVS. Does nothing where the kernel cannot.
 * Returns 0, or -1 with errno.
 */
int filter_enter(const struct filter *f);

void filter_free(struct filter *f);

/* Makes, enters and frees. Returns 1, 0 where the kernel cannot, or -1. */
int filter_once(const struct filter_list *lists, size_t n);

#endif
