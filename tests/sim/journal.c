/* SPDX-License-Identifier: Apache-2.0 */
#include "journal.h"

#include <stdarg.h>
#include <stdio.h>

static double milliseconds(const struct journal *journal)
{
	return (double)(journal->clock->mono_ns - journal->start_ns) / 1e6;
}

void journal_say(const struct journal *journal, const char *format, ...)
{
	va_list args;

	if (!journal->loud)
		return;
	printf("%12.3f ", milliseconds(journal));
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

void journal_fail(struct journal *journal, const char *format, ...)
{
	va_list args;

	if (journal->failed)
		return;
	journal->failed = true;
	va_start(args, format);
	vsnprintf(journal->wrong, sizeof(journal->wrong), format, args);
	va_end(args);
	journal_say(journal, "! %s", journal->wrong);
}
