/*
 * Whether the program is built with something that looks into it as it runs,
 * and that needs system calls, memory and files of its own: AddressSanitizer,
 * by itself, or valgrind, with CPPFLAGS=-DINSTRUMENTED=1. Such a build has a
 * wider sandbox, and is for tests alone.
 */
#ifndef SANDBOX_INSTRUMENTED_H
#define SANDBOX_INSTRUMENTED_H

#ifndef INSTRUMENTED
#ifdef __SANITIZE_ADDRESS__
#define INSTRUMENTED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define INSTRUMENTED 1
#endif
#endif
#endif

#ifndef INSTRUMENTED
#define INSTRUMENTED 0
#endif

#endif
