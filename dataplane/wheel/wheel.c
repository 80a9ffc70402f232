/* SPDX-License-Identifier: Apache-2.0 */
#include "wheel.h"

#include <rte_malloc.h>

#include "check.h"

enum {
	LEVEL_BITS = 6,
	LEVEL_SLOTS = 1 << LEVEL_BITS, /* one word of `occupied` */
	TICK_BITS = 14,
	LEVELS = 9, /* every deadline of 64 bits has a slot: no horizon to look after */
	/* A slot of a high level may hold very many timers. They are spread over the lower levels
	 * in portions, this many for each timer the caller lets fire. */
	MOVES_PER_FIRE = 4,
};

/*
 * A timer stands at the level of the highest bit group in which its tick differs from `tick`,
 * in the slot its tick has there. So all timers of a level are due before any of the next,
 * and a slot of level k > 0 has to be spread just when `tick` reaches its first tick.
 */
struct wheel {
	uint64_t next_ns;  /* nothing is to be done before */
	uint64_t tick;	   /* everything up to it was taken out of the slots */
	uint64_t now_tick; /* of the last advance; >= tick */
	uint64_t armed;
	uint64_t occupied[LEVELS];
	struct wheel_timer *slots[LEVELS * LEVEL_SLOTS];
	struct wheel_timer *moving; /* of one slot: to be placed again */
	struct wheel_timer *due;    /* to be fired */
	struct wheel_timer *late;   /* armed with a deadline that had passed */
	wheel_fired *fired;
	void *owner;
};

static void timer_link(struct wheel_timer **head, struct wheel_timer *timer)
{
	timer->next = *head;
	timer->prev = head;
	if (timer->next != NULL)
		timer->next->prev = &timer->next;
	*head = timer;
}

static void timer_unlink(struct wheel_timer *timer)
{
	*timer->prev = timer->next;
	if (timer->next != NULL)
		timer->next->prev = timer->prev;
	timer->prev = NULL;
	timer->next = NULL;
}

/* Moves a whole list to an empty head. */
static void list_move(struct wheel_timer **to, struct wheel_timer **from)
{
	ASSERT(*to == NULL);
	*to = *from;
	*from = NULL;
	if (*to != NULL)
		(*to)->prev = to;
}

/* The first tick of a slot; the slot lies in what is still to come of its level. */
static uint64_t slot_tick(const struct wheel *wheel, unsigned level, unsigned slot)
{
	unsigned shift = level * LEVEL_BITS;
	uint64_t above = wheel->tick >> shift >> LEVEL_BITS << LEVEL_BITS;

	return (above | slot) << shift;
}

/* Links `timer`, due at `tick` > wheel->tick, into its slot. Returns the first tick of it. */
static uint64_t slot_put(struct wheel *wheel, struct wheel_timer *timer, uint64_t tick)
{
	uint64_t differs = tick ^ wheel->tick;
	unsigned level = (63 - (unsigned)__builtin_clzll(differs)) / LEVEL_BITS;
	unsigned slot = (tick >> (level * LEVEL_BITS)) % LEVEL_SLOTS;

	timer_link(&wheel->slots[level * LEVEL_SLOTS + slot], timer);
	wheel->occupied[level] |= 1ULL << slot;
	return slot_tick(wheel, level, slot);
}

/* The first tick at which a timer fires: rounded up, so never early. */
static uint64_t deadline_tick(uint64_t deadline_ns)
{
	return (deadline_ns >> TICK_BITS) + (deadline_ns % WHEEL_TICK_NS != 0);
}

/* The earliest slot that holds timers; false: there is none. */
static bool slot_next(const struct wheel *wheel, unsigned *level_r, unsigned *slot_r)
{
	for (unsigned level = 0; level < LEVELS; level++) {
		if (wheel->occupied[level] == 0)
			continue;
		*level_r = level;
		*slot_r = (unsigned)__builtin_ctzll(wheel->occupied[level]);
		return true;
	}
	return false;
}

struct wheel *wheel_create(uint64_t now_ns, wheel_fired *fired, void *owner, int socket)
{
	struct wheel *wheel = rte_zmalloc_socket("wheel", sizeof(*wheel), 64, socket);

	if (wheel == NULL)
		return NULL;
	wheel->tick = now_ns >> TICK_BITS;
	wheel->now_tick = wheel->tick;
	wheel->next_ns = UINT64_MAX;
	wheel->fired = fired;
	wheel->owner = owner;
	return wheel;
}

void wheel_destroy(struct wheel **wheel)
{
	rte_free(*wheel);
	*wheel = NULL;
}

void wheel_arm(struct wheel *wheel, struct wheel_timer *timer, uint64_t deadline_ns)
{
	uint64_t tick = deadline_tick(deadline_ns);
	uint64_t event_ns = 0;

	if (wheel_armed(timer))
		wheel_disarm(wheel, timer);
	timer->deadline_ns = deadline_ns;
	wheel->armed++;
	if (tick <= wheel->now_tick)
		timer_link(&wheel->late, timer);
	else
		event_ns = slot_put(wheel, timer, tick) << TICK_BITS;
	if (event_ns < wheel->next_ns)
		wheel->next_ns = event_ns;
}

void wheel_disarm(struct wheel *wheel, struct wheel_timer *timer)
{
	struct wheel_timer **head = timer->prev;
	uintptr_t offset = (uintptr_t)head - (uintptr_t)wheel->slots;

	if (!wheel_armed(timer))
		return;
	ASSERT(wheel->armed > 0);
	wheel->armed--;
	timer_unlink(timer);
	/* The head of a slot that became empty: its bit goes, too. */
	if (offset < sizeof(wheel->slots) && *head == NULL) {
		size_t index = offset / sizeof(wheel->slots[0]);

		wheel->occupied[index / LEVEL_SLOTS] &= ~(1ULL << index % LEVEL_SLOTS);
	}
}

/* Takes one timer out of the slot that is being spread. */
static void move_one(struct wheel *wheel)
{
	struct wheel_timer *timer = wheel->moving;
	uint64_t tick = deadline_tick(timer->deadline_ns);

	timer_unlink(timer);
	if (tick <= wheel->tick)
		timer_link(&wheel->due, timer);
	else
		slot_put(wheel, timer, tick);
}

/* Turns to the next slot whose time has come; false: there is none. */
static bool slot_open(struct wheel *wheel)
{
	unsigned level, slot;
	uint64_t first;

	if (!slot_next(wheel, &level, &slot))
		return false;
	first = slot_tick(wheel, level, slot);
	if (first > wheel->now_tick)
		return false;
	ASSERT(first > wheel->tick);
	wheel->tick = first;
	wheel->occupied[level] &= ~(1ULL << slot);
	list_move(level == 0 ? &wheel->due : &wheel->moving,
		  &wheel->slots[level * LEVEL_SLOTS + slot]);
	return true;
}

static void fire_one(struct wheel *wheel)
{
	struct wheel_timer *timer = wheel->due;

	timer_unlink(timer);
	wheel->armed--;
	wheel->fired(wheel->owner, timer);
}

/* When there is something to do again, after an advance. */
static uint64_t next_event_ns(const struct wheel *wheel)
{
	unsigned level, slot;

	if (wheel->due != NULL || wheel->moving != NULL || wheel->late != NULL)
		return 0;
	if (!slot_next(wheel, &level, &slot))
		return UINT64_MAX;
	return slot_tick(wheel, level, slot) << TICK_BITS;
}

unsigned wheel_advance(struct wheel *wheel, uint64_t now_ns, unsigned fire_max)
{
	uint64_t moves = (uint64_t)fire_max * MOVES_PER_FIRE;
	unsigned fired = 0;

	if (now_ns < wheel->next_ns)
		return 0;
	if (now_ns >> TICK_BITS > wheel->now_tick)
		wheel->now_tick = now_ns >> TICK_BITS;
	/* What is armed with a deadline that has passed from here on waits for the next
	 * advance, or a timer that arms itself so would never let this one end. */
	if (wheel->due == NULL)
		list_move(&wheel->due, &wheel->late);
	while (fired < fire_max) {
		if (wheel->due != NULL) {
			fire_one(wheel);
			fired++;
		} else if (wheel->moving != NULL) {
			if (moves-- == 0)
				break;
			move_one(wheel);
		} else if (!slot_open(wheel)) {
			/* Nothing is left up to now: what is armed next is placed from here. */
			wheel->tick = wheel->now_tick;
			break;
		}
	}
	wheel->next_ns = next_event_ns(wheel);
	return fired;
}

uint64_t wheel_next_ns(const struct wheel *wheel)
{
	return wheel->armed > 0 ? wheel->next_ns : UINT64_MAX;
}
