/* SPDX-License-Identifier: Apache-2.0 */
#include "bell.h"

#include <errno.h>
#include <rte_atomic.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int loop_bell_open(struct loop_bell *bell)
{
	bell->asleep = false;
	bell->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return bell->eventfd < 0 ? -errno : 0;
}

void loop_bell_close(struct loop_bell *bell)
{
	if (bell->eventfd >= 0)
		close(bell->eventfd);
	bell->eventfd = -1;
}

void loop_bell_ring(struct loop_bell *bell)
{
	const uint64_t one = 1;

	rte_atomic_thread_fence(__ATOMIC_SEQ_CST); /* pairs with loop_bell_sleeping() */
	if (!__atomic_load_n(&bell->asleep, __ATOMIC_RELAXED))
		return;
	/* Of several posters one writes. */
	if (!__atomic_exchange_n(&bell->asleep, false, __ATOMIC_RELAXED))
		return;
	/* Fails only when the count is at its end, and then the core has edges enough. */
	ssize_t ignored = write(bell->eventfd, &one, sizeof(one));
	(void)ignored;
}

void loop_bell_sleeping(struct loop_bell *bell)
{
	__atomic_store_n(&bell->asleep, true, __ATOMIC_RELAXED);
	rte_atomic_thread_fence(__ATOMIC_SEQ_CST); /* pairs with loop_bell_ring() */
}

void loop_bell_awake(struct loop_bell *bell)
{
	__atomic_store_n(&bell->asleep, false, __ATOMIC_RELAXED);
}
