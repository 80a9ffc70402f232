/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run says: one line for each packet and event while it is loud, and the first thing that
 * was wrong, always. Times are milliseconds of virtual time since the run began.
 */
#ifndef WIREMAP_TESTS_SIM_JOURNAL_H
#define WIREMAP_TESTS_SIM_JOURNAL_H

#include <stdbool.h>

#include "clock.h"

struct journal {
	const struct clock *clock;
	uint64_t start_ns;
	bool loud;
	bool failed;
	char wrong[240]; /* with `failed`: what was wrong first */
};

__attribute__((format(printf, 2, 3))) void journal_say(const struct journal *journal,
						       const char *format, ...);
__attribute__((format(printf, 2, 3))) void journal_fail(struct journal *journal, const char *format,
							...);

#endif
