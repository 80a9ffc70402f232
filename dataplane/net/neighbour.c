/* SPDX-License-Identifier: Apache-2.0 */
#include "neighbour.h"

#include <rte_malloc.h>
#include <rte_mbuf.h>

#include "check.h"

enum {
	NS_PER_MS = 1000000,
	FIRE_MAX = 64, /* timers of one advance: what is due beyond waits for the next turn */
};

/* By last use, the oldest first: who gives way is found at once. */
struct list {
	struct neighbour *oldest, *newest;
	unsigned n;
};

struct neighbours {
	struct neighbour_ops ops;
	void *owner;
	struct clock *clock;
	struct wheel *wheel;
	uint64_t hash_key; /* odd, secret: chains cannot be made long from outside */
	unsigned buckets_mask;
	struct list asking; /* NEIGHBOUR_ASKING */
	struct list known;  /* NEIGHBOUR_KNOWN and NEIGHBOUR_CHECKING */
	struct neighbour *free;
	struct neighbours_stats stats;
	struct neighbour **buckets;
	struct neighbour *entries;
};

static void list_remove(struct list *list, struct neighbour *entry)
{
	*(entry->older != NULL ? &entry->older->newer : &list->oldest) = entry->newer;
	*(entry->newer != NULL ? &entry->newer->older : &list->newest) = entry->older;
	entry->older = entry->newer = NULL;
	list->n--;
}

static void list_add_newest(struct list *list, struct neighbour *entry)
{
	entry->older = list->newest;
	entry->newer = NULL;
	*(list->newest != NULL ? &list->newest->newer : &list->oldest) = entry;
	list->newest = entry;
	list->n++;
}

/* For what was heard but never used: it gives way first. */
static void list_add_oldest(struct list *list, struct neighbour *entry)
{
	entry->newer = list->oldest;
	entry->older = NULL;
	*(list->oldest != NULL ? &list->oldest->older : &list->newest) = entry;
	list->oldest = entry;
	list->n++;
}

static struct list *list_of(struct neighbours *neighbours, const struct neighbour *entry)
{
	return entry->state == NEIGHBOUR_ASKING ? &neighbours->asking : &neighbours->known;
}

static struct neighbour **bucket(const struct neighbours *neighbours, uint8_t port, uint16_t vlan,
				 uint32_t ip)
{
	uint64_t key = (uint64_t)ip | (uint64_t)vlan << 32 | (uint64_t)port << 48;

	key *= neighbours->hash_key;
	key ^= key >> 32;
	key *= neighbours->hash_key;
	return &neighbours->buckets[key >> 40 & neighbours->buckets_mask];
}

static void fired(void *owner, struct wheel_timer *timer);

struct neighbours *neighbours_create(const struct neighbour_ops *ops, void *owner,
				     struct clock *clock, unsigned entries_max, uint64_t random,
				     int socket)
{
	const unsigned buckets_n = rte_align32pow2(entries_max);
	struct neighbours *neighbours =
		rte_zmalloc_socket("net", sizeof(*neighbours), RTE_CACHE_LINE_SIZE, socket);

	ASSERT(entries_max >= 2);
	if (neighbours == NULL)
		return NULL;
	neighbours->ops = *ops;
	neighbours->owner = owner;
	neighbours->clock = clock;
	neighbours->hash_key = random | 1;
	neighbours->buckets_mask = buckets_n - 1;
	neighbours->buckets = rte_zmalloc_socket("net", buckets_n * sizeof(struct neighbour *),
						 RTE_CACHE_LINE_SIZE, socket);
	neighbours->entries = rte_zmalloc_socket("net", entries_max * sizeof(struct neighbour),
						 RTE_CACHE_LINE_SIZE, socket);
	neighbours->wheel = wheel_create(clock->mono_ns, fired, neighbours, socket);
	if (neighbours->buckets == NULL || neighbours->entries == NULL ||
	    neighbours->wheel == NULL) {
		neighbours_destroy(&neighbours);
		return NULL;
	}
	for (unsigned k = entries_max; k-- > 0;) {
		neighbours->entries[k].next = neighbours->free;
		neighbours->free = &neighbours->entries[k];
	}
	return neighbours;
}

/* Everybody who waited goes; who had the MAC is told by `changed`. */
static void forget(struct neighbours *neighbours, struct neighbour *entry)
{
	struct neighbour **at = bucket(neighbours, entry->port, entry->vlan, entry->ip);
	const bool had_mac = neighbour_has_mac(entry);

	ASSERT(entry->state != NEIGHBOUR_FREE);
	for (unsigned k = 0; k < entry->waiting_n; k++)
		neighbours->ops.release(neighbours->owner, entry, entry->waiting[k], true);
	entry->waiting_n = 0;
	wheel_disarm(neighbours->wheel, &entry->timer);
	list_remove(list_of(neighbours, entry), entry);
	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	entry->state = NEIGHBOUR_FREE;
	entry->next = neighbours->free;
	neighbours->free = entry;
	if (had_mac)
		neighbours->ops.changed(neighbours->owner);
}

void neighbours_destroy(struct neighbours **neighbours)
{
	struct neighbours *gone = *neighbours;

	if (gone == NULL)
		return;
	while (gone->asking.oldest != NULL)
		forget(gone, gone->asking.oldest);
	if (gone->wheel != NULL)
		wheel_destroy(&gone->wheel);
	rte_free(gone->entries);
	rte_free(gone->buckets);
	rte_free(gone);
	*neighbours = NULL;
}

struct neighbour *neighbour_find(const struct neighbours *neighbours, uint8_t port, uint16_t vlan,
				 uint32_t ip)
{
	struct neighbour *entry = *bucket(neighbours, port, vlan, ip);

	while (entry != NULL && (entry->ip != ip || entry->vlan != vlan || entry->port != port))
		entry = entry->next;
	return entry;
}

/* An entry in no list, no MAC, nothing armed. Somebody gives way if there must. */
static struct neighbour *entry_add(struct neighbours *neighbours, uint8_t port, uint16_t vlan,
				   uint32_t ip)
{
	struct neighbour **at = bucket(neighbours, port, vlan, ip);
	struct neighbour *entry;

	if (neighbours->free == NULL) {
		forget(neighbours, neighbours->known.oldest != NULL ? neighbours->known.oldest
								    : neighbours->asking.oldest);
		neighbours->stats.evicted++;
	}
	entry = neighbours->free;
	neighbours->free = entry->next;
	*entry = (struct neighbour){.ip = ip, .vlan = vlan, .port = port, .next = *at};
	*at = entry;
	return entry;
}

static void arm(struct neighbours *neighbours, struct neighbour *entry, uint64_t ms)
{
	wheel_arm(neighbours->wheel, &entry->timer, neighbours->clock->mono_ns + ms * NS_PER_MS);
}

/* The next question; who is believed is asked alone, and everybody the last time. */
static void ask(struct neighbours *neighbours, struct neighbour *entry)
{
	const bool unicast = neighbour_has_mac(entry) && entry->asked < NEIGHBOUR_ASKS_MAX - 1;

	entry->asked++;
	arm(neighbours, entry, NEIGHBOUR_ASK_MS);
	neighbours->ops.ask(neighbours->owner, entry, unicast);
}

static struct neighbour *ask_new(struct neighbours *neighbours, uint8_t port, uint16_t vlan,
				 uint32_t ip)
{
	struct neighbour *entry;

	if (neighbours->asking.n >= NEIGHBOURS_ASKING_MAX) {
		forget(neighbours, neighbours->asking.oldest);
		neighbours->stats.evicted++;
	}
	entry = entry_add(neighbours, port, vlan, ip);
	entry->state = NEIGHBOUR_ASKING;
	list_add_newest(&neighbours->asking, entry);
	ask(neighbours, entry);
	return entry;
}

struct neighbour *neighbour_use(struct neighbours *neighbours, uint8_t port, uint16_t vlan,
				uint32_t ip)
{
	const uint64_t now_ns = neighbours->clock->mono_ns;
	struct neighbour *entry = neighbour_find(neighbours, port, vlan, ip);

	if (entry == NULL)
		return ask_new(neighbours, port, vlan, ip);
	if (!neighbour_has_mac(entry))
		return entry;
	entry->used_ns = now_ns;
	list_remove(&neighbours->known, entry);
	list_add_newest(&neighbours->known, entry);
	if (entry->state == NEIGHBOUR_KNOWN &&
	    now_ns - entry->confirmed_ns >= (uint64_t)NEIGHBOUR_FRESH_MS * NS_PER_MS) {
		entry->state = NEIGHBOUR_CHECKING;
		entry->asked = 0;
		ask(neighbours, entry);
	}
	return entry;
}

void neighbour_wait(struct neighbours *neighbours, struct neighbour *entry, struct rte_mbuf *frame)
{
	ASSERT(entry->state == NEIGHBOUR_ASKING);
	if (entry->waiting_n == NET_WAITING_MAX) {
		neighbours->ops.release(neighbours->owner, entry, entry->waiting[0], true);
		entry->waiting_n--;
		memmove(entry->waiting, entry->waiting + 1,
			entry->waiting_n * sizeof(entry->waiting[0]));
	}
	entry->waiting[entry->waiting_n++] = frame;
}

static void confirm(struct neighbours *neighbours, struct neighbour *entry, const uint8_t mac[6])
{
	const unsigned waiting_n = entry->waiting_n;

	memcpy(entry->mac, mac, sizeof(entry->mac));
	entry->state = NEIGHBOUR_KNOWN;
	entry->confirmed_ns = neighbours->clock->mono_ns;
	arm(neighbours, entry, NEIGHBOUR_UNUSED_MS);
	entry->waiting_n = 0;
	for (unsigned k = 0; k < waiting_n; k++)
		neighbours->ops.release(neighbours->owner, entry, entry->waiting[k], false);
}

bool neighbour_heard(struct neighbours *neighbours, const struct net_neighbour *heard, uint8_t port,
		     bool add, bool trusted)
{
	const uint64_t now_ns = neighbours->clock->mono_ns;
	struct neighbour *entry = neighbour_find(neighbours, port, heard->vlan, heard->ip);
	bool changed = true;

	if (entry == NULL) {
		if (!add)
			return false;
		entry = entry_add(neighbours, port, heard->vlan, heard->ip);
		entry->used_ns = now_ns;
		entry->state = NEIGHBOUR_KNOWN;
		list_add_oldest(&neighbours->known, entry);
	} else if (entry->state == NEIGHBOUR_ASKING) {
		/* Somebody wants to send there. */
		entry->used_ns = now_ns;
		list_remove(&neighbours->asking, entry);
		list_add_newest(&neighbours->known, entry);
	} else {
		changed = memcmp(entry->mac, heard->mac, sizeof(entry->mac)) != 0;
		if (changed && !trusted &&
		    now_ns - entry->confirmed_ns < (uint64_t)NEIGHBOUR_LOCK_MS * NS_PER_MS)
			return false;
		if (changed)
			neighbours->ops.changed(neighbours->owner);
	}
	confirm(neighbours, entry, heard->mac);
	return changed;
}

static void fired(void *owner, struct wheel_timer *timer)
{
	struct neighbours *neighbours = owner;
	struct neighbour *entry = RTE_PTR_SUB(timer, offsetof(struct neighbour, timer));
	const uint64_t unused_ns = neighbours->clock->mono_ns - entry->used_ns;

	if (entry->state == NEIGHBOUR_KNOWN) {
		if (unused_ns >= (uint64_t)NEIGHBOUR_UNUSED_MS * NS_PER_MS)
			forget(neighbours, entry);
		else
			arm(neighbours, entry, NEIGHBOUR_UNUSED_MS - unused_ns / NS_PER_MS);
		return;
	}
	if (entry->asked < NEIGHBOUR_ASKS_MAX) {
		ask(neighbours, entry);
		return;
	}
	neighbours->stats.unanswered++;
	forget(neighbours, entry);
}

void neighbours_advance(struct neighbours *neighbours)
{
	wheel_advance(neighbours->wheel, neighbours->clock->mono_ns, FIRE_MAX);
}

uint64_t neighbours_next_ns(const struct neighbours *neighbours)
{
	return wheel_next_ns(neighbours->wheel);
}

void neighbours_stats(const struct neighbours *neighbours, struct neighbours_stats *stats_r)
{
	*stats_r = neighbours->stats;
}
