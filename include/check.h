/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ASSERT: for our own bugs only, always compiled in, any thread. Bytes that came
 * from a peer or a disk are never asserted on; they get a named error.
 */
#ifndef WIREMAP_CHECK_H
#define WIREMAP_CHECK_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Says which assertion failed on descriptor 2 (async-signal-safe) and aborts. */
__attribute__((noreturn, cold, unused)) static void check_failed(const char *what)
{
	ssize_t ignored = write(2, what, strlen(what));
	(void)ignored;
	abort();
}

#define CHECK_TEXT_(x) #x
#define CHECK_TEXT(x) CHECK_TEXT_(x)
#define ASSERT(cond)                                                                               \
	(__builtin_expect(!!(cond), 1) ? (void)0                                                   \
				       : check_failed(__FILE__ ":" CHECK_TEXT(                     \
						 __LINE__) ": assertion failed: " #cond "\n"))

#endif
