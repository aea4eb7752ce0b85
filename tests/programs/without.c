/*
 * "without COMMAND...": runs COMMAND as if the kernel had neither Landlock nor
 * filters of system calls.
 */
#include <errno.h>
#include <seccomp.h>
#include <sysexits.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	static const int lacking[] = {
	    SCMP_SYS(landlock_create_ruleset), SCMP_SYS(seccomp)};
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	if (argc < 2 || ctx == NULL)
		return EX_USAGE;
	for (size_t i = 0; i < sizeof(lacking) / sizeof(*lacking); i++)
		if (seccomp_rule_add(
			ctx, SCMP_ACT_ERRNO(ENOSYS), lacking[i], 0) != 0)
			return EX_OSERR;
	if (seccomp_load(ctx) != 0)
		return EX_OSERR;
	execvp(argv[1], argv + 1);
	return EX_UNAVAILABLE;
}
