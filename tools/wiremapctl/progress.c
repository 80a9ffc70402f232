/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS INT64_C(1000000000)

enum { BAR_CELLS = 30 };

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec * SECOND_NS + now.tv_nsec;
}

void progress_start(struct progress *progress)
{
	*progress = (struct progress){
		.terminal = isatty(STDERR_FILENO) == 1,
		.started_ns = now_ns(),
	};
	progress->told_ns = progress->started_ns;
}

static void bar_draw(unsigned percent)
{
	fputs("\r[", stderr);
	for (unsigned cell = 0; cell < BAR_CELLS; cell++)
		fputc(cell * 100 < percent * BAR_CELLS ? '#' : '.', stderr);
	fputs("] ", stderr);
}

void progress_tell(struct progress *progress, uint64_t done, uint64_t total, uint64_t messages)
{
	int64_t now = now_ns(), elapsed = now - progress->started_ns;
	unsigned percent =
		total > 0 && done < total ? (unsigned)(done * 100.0 / (double)total) : 100;

	if (now - progress->told_ns < (progress->terminal ? SECOND_NS / 10 : SECOND_NS))
		return;
	progress->told_ns = now;
	if (progress->terminal)
		bar_draw(percent);
	fprintf(stderr, "%3u%%  %" PRIu64 " messages  %.0f/s", percent, messages,
		(double)messages * 1e9 / (double)elapsed);
	if (done > 0 && done < total)
		fprintf(stderr, "  %.0f s left",
			(double)elapsed / 1e9 * (double)(total - done) / (double)done);
	fputs(progress->terminal ? "\033[K" : "\n", stderr);
	fflush(stderr);
	progress->drawn = progress->terminal;
}

void progress_clear(struct progress *progress)
{
	if (progress->drawn)
		fputs("\r\033[K", stderr);
	progress->drawn = false;
}
