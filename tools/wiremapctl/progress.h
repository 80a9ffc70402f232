/* SPDX-License-Identifier: Apache-2.0 */
/* How far an import is: a bar on a terminal, otherwise one line per second; standard error. */
#ifndef WIREMAPCTL_PROGRESS_H
#define WIREMAPCTL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool terminal;
	bool drawn; /* a bar stands in the terminal's last line */
	int64_t started_ns, told_ns;
};

void progress_start(struct progress *progress);
/* Cheap; tells once in a while. `done` of `total` is what the bar shows. */
void progress_tell(struct progress *progress, uint64_t done, uint64_t total, uint64_t messages);
/* Takes the bar off, so that something else can be printed, or at the end. */
void progress_clear(struct progress *progress);

#endif
