/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hierarchical timing wheel: arming, moving and disarming a timer cost a few
 * loads and stores, a turn in which nothing expires costs one comparison, however
 * many timers are armed (Varghese and Lauck, SOSP 1987). One core owns a wheel.
 * Deadlines are nanoseconds of that core's clock (clock.h); a timer fires no
 * earlier than its deadline and at most WHEEL_TICK_NS late plus the turn's length.
 */
#ifndef WIREMAP_WHEEL_H
#define WIREMAP_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wheel_limits {
	WHEEL_TICK_NS = 16384, /* fine enough for pacing a 1,500-byte frame at 1 Gb/s */
};

struct wheel;

/* Embedded in what it times; the wheel links it. Zero-filled is a valid idle timer. */
struct wheel_timer {
	struct wheel_timer *next, **prev; /* prev == NULL: idle */
	uint64_t deadline_ns;
};

/* Called by wheel_advance(); the timer is idle by then and may be armed again, or freed. */
typedef void wheel_fired(void *owner, struct wheel_timer *timer);

/* `owner` is passed to `fired` as it is: the one object that owns all timers of this wheel. */
struct wheel *wheel_create(uint64_t now_ns, wheel_fired *fired, void *owner, int socket);
void wheel_destroy(struct wheel **wheel);

/* Arms `timer`, or moves it if it is armed. A deadline in the past fires in the next advance. */
void wheel_arm(struct wheel *wheel, struct wheel_timer *timer, uint64_t deadline_ns);
void wheel_disarm(struct wheel *wheel, struct wheel_timer *timer);
static inline bool wheel_armed(const struct wheel_timer *timer)
{
	return timer->prev != NULL;
}

/* Fires what is due, at most `fire_max` timers; the rest stays due. Returns how many fired. */
unsigned wheel_advance(struct wheel *wheel, uint64_t now_ns, unsigned fire_max);

/* A lower bound of the next deadline, UINT64_MAX when nothing is armed: how long one may sleep. */
uint64_t wheel_next_ns(const struct wheel *wheel);

#endif
