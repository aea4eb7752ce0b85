/* The steps of a check: see check.h. */
#include "check/check.h"
#include "base/fd.h"

#include <netdb.h>
#include <stdio.h>
#include <time.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* From a name to the relay's own words. A new step has its place here. */
static const struct check_step relay_steps[] = {
    {"name", check_step_name, NULL},
    {"tcp", check_step_tcp, NULL},
    {"proxy", check_step_proxy, check_has_proxy},
    {"tls", check_step_tls, NULL},
    {"identity", check_step_identity, NULL},
    {"poll", check_step_poll, NULL},
    {"clock", check_step_clock, check_has_date},
};

double
check_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int
check_run(struct check *c, const char *subject, const struct check_step *steps,
    size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct check_line line = {.result = CHECK_OK};
		const double start = check_now();

		if (steps[i].applies != NULL && !steps[i].applies(c))
			continue;
		steps[i].run(c, &line);
		check_report_add(c->report, steps[i].name, subject, &line,
		    check_now() - start);
		if (line.result == CHECK_FAIL)
			return -1;
	}
	return 0;
}

int
check_relay(struct check *c)
{
	char text[NETADDR_HOST_MAX + NETADDR_PORT_MAX + 4];
	int rc;

	snprintf(text, sizeof(text),
	    strchr(c->place->host, ':') != NULL ? "[%s]:%s" : "%s:%s",
	    c->place->host, c->place->port);
	c->fd = c->relay.channel.fd = -1;
	rc = check_run(c, text, relay_steps, COUNT(relay_steps));
	check_close(c);
	return rc;
}

void
check_close(struct check *c)
{
	if (c->addresses != NULL)
		freeaddrinfo(c->addresses);
	c->addresses = NULL;
	fd_close(&c->fd);
	if (c->relay.channel.fd == -1)
		return;
	channel_finish(&c->relay.channel);
	channel_close(&c->relay.channel);
}
