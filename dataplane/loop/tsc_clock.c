/* SPDX-License-Identifier: Apache-2.0 */
#include "tsc_clock.h"

#include <rte_cpuflags.h>
#include <rte_cycles.h>
#include <stdbool.h>
#include <time.h>

enum {
	/* wall_s has a resolution of a second; a hundredth of one late is soon enough. */
	WALL_REFRESH_NS = 10 * 1000 * 1000,
};

static uint64_t system_ns(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void wall_refresh(struct loop_clock *clock)
{
	struct timespec now;

	if (clock->clock.mono_ns < clock->wall_due_ns)
		return;
	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	clock->clock.wall_s = now.tv_sec;
	clock->wall_due_ns = clock->clock.mono_ns + WALL_REFRESH_NS;
}

/* Cores whose counters differ by a little, or a guest that was moved, must not see time fall. */
static void advance_to(struct loop_clock *clock, uint64_t now_ns)
{
	if (now_ns > clock->clock.mono_ns)
		clock->clock.mono_ns = now_ns;
	wall_refresh(clock);
}

static void tsc_refresh(struct clock *base)
{
	struct loop_clock *clock = (struct loop_clock *)base;
	__uint128_t ticks = rte_rdtsc() - clock->base_tsc;

	advance_to(clock, clock->base_ns + (uint64_t)((ticks * clock->ns_per_tick) >> 32));
}

static void system_refresh(struct clock *base)
{
	advance_to((struct loop_clock *)base, system_ns(CLOCK_MONOTONIC));
}

static bool tsc_is_steady(void)
{
#ifdef RTE_ARCH_X86
	return rte_cpu_get_flag_enabled(RTE_CPUFLAG_INVTSC) == 1;
#else
	return true; /* the generic timers of other architectures are */
#endif
}

void loop_clock_init(struct loop_clock *clock)
{
	uint64_t hz = rte_get_tsc_hz();

	*clock = (struct loop_clock){.base_ns = system_ns(CLOCK_MONOTONIC)};
	clock->base_tsc = rte_rdtsc();
	clock->clock.refresh = system_refresh;
	if (tsc_is_steady() && hz > 1000000) {
		clock->ns_per_tick = (uint64_t)(((__uint128_t)1000000000u << 32) / hz);
		clock->clock.refresh = tsc_refresh;
	}
	clock->clock.refresh(&clock->clock);
}
