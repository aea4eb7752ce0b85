/*
 * What relay-stone is to do, in stone's language: options, then forwards that
 * are separated by "--", each with the options before it. Pure: words in, a
 * struct out; no file that they name is touched.
 */
#ifndef STONE_CONF_H
#define STONE_CONF_H

#include "base/failure.h"
#include "stone/backup.h"
#include "stone/endpoint.h"
#include "stone/words.h"
#include "warp/relays.h"

#include <stddef.h>

#define STONE_FORWARDS_MAX 64
#define STONE_SESSIONS_MAX 16 /* that are kept of one forward */

/* A value of -q, and where it was given. It points into words. */
struct stone_value {
	const char *text; /* NULL: not given */
	const char *file; /* NULL: the command line */
	unsigned line;
};

/* -q and -f: one end of TLS, as named. */
struct stone_tls {
	struct stone_value warp; /* for what the others leave out */
	struct stone_value key;
	struct stone_value cert;
	struct stone_value cafile;
	struct stone_value capath;
	struct stone_value passfile;
	struct stone_value servername;
	struct stone_value subject; /* of stone's re0= */
	struct stone_value seal;
	struct stone_value peers;
};

struct stone_forward {
	const char *file; /* whose words these are; NULL: the command line */
	unsigned line;
	struct relays relays; /* none: those of tls.warp */
	struct stone_listen listen;
	struct stone_tls tls;
	const char *request;
	unsigned sessions; /* shared ones; 0: one for each connection */
	int elastic;       /* so many, and more, as there is use for them */
	const struct stone_word *allowed; /* nallowed of them */
	size_t nallowed;
};

enum stone_source {
	STONE_LISTEN, /* connections are accepted */
	STONE_INETD,  /* --inetd: there is one, fd 0 */
	STONE_STDIO,  /* --stdio: there is one, fds 0 and 1 */
};

struct stone_conf {
	/* of the command line alone */
	const char *file; /* -C; NULL: none */
	enum stone_source source;
	int test;             /* -t, -N */
	int version;          /* -V */
	int help;             /* -h */
	const char *wanted;   /* --request: for whom; NULL: for nobody */
	int json;             /* --json */
	int install;          /* --install */
	const char *textfile; /* --textfile; NULL: none */
	/* of both */
	int daemon;             /* -D */
	int syslog;             /* -l */
	int debug;              /* -d */
	const char *proxy;      /* -x; NULL: none */
	const char *proxy_file; /* whose word that is; NULL: command line */
	unsigned proxy_line;
	struct stone_tls tls;         /* as it stands for the next forward */
	struct stone_backups backups; /* likewise: -b */
	unsigned sessions;            /* likewise: --sessions */
	int counted;                  /* that was given */
	struct stone_forward forwards[STONE_FORWARDS_MAX];
	size_t nforwards;
};

/*
 * Reads the leading options of words, and sets *next to the word behind them.
 * Returns 0, or -1 with "file:line: reason" in f. conf keeps pointers into
 * words.
 */
int stone_conf_options(struct stone_conf *conf, const struct stone_words *words,
    size_t *next, struct failure *f);

/* Reads the forwards from the word next on, likewise. */
int stone_conf_forwards(struct stone_conf *conf,
    const struct stone_words *words, size_t next, struct failure *f);

#endif
