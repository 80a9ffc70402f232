/* SPDX-License-Identifier: Apache-2.0 */
#include "patience.h"

#include <time.h>

void patience_open(struct patience *patience)
{
	patience->ended = false;
	sigemptyset(&patience->signals);
	sigaddset(&patience->signals, SIGTERM);
	sigaddset(&patience->signals, SIGINT);
	sigprocmask(SIG_BLOCK, &patience->signals, NULL);
	signal(SIGPIPE, SIG_IGN);
}

bool patience_wait_ms(struct patience *patience, unsigned ms)
{
	const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	if (!patience->ended && sigtimedwait(&patience->signals, NULL, &time) > 0)
		patience->ended = true;
	return !patience->ended;
}

uint64_t patience_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
