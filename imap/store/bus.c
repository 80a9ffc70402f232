/* SPDX-License-Identifier: Apache-2.0 */
#include "bus.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"

/* A process has 65530 maps unless its administrator raised vm.max_map_count. */
enum { RANGES_MAX = 1 << 16 };

struct store_bus_range {
	atomic_uintptr_t base; /* 0: free. Set last and cleared first: the handler's other end */
	atomic_size_t len;
	atomic_bool lost;
};

static struct store_bus_range ranges[RANGES_MAX];
static atomic_uint ranges_high; /* none is in use from here on */
static unsigned ranges_hint;	/* under `ranges_lock` */
static pthread_mutex_t ranges_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t install_once = PTHREAD_ONCE_INIT;
static struct sigaction action_before;
static int install_status;
static _Thread_local volatile unsigned lost_here;

static struct store_bus_range *range_find(uintptr_t at)
{
	unsigned high = atomic_load_explicit(&ranges_high, memory_order_acquire);

	for (unsigned k = 0; k < high; k++) {
		uintptr_t base = atomic_load_explicit(&ranges[k].base, memory_order_acquire);

		if (base != 0 && at >= base &&
		    at - base < atomic_load_explicit(&ranges[k].len, memory_order_relaxed))
			return &ranges[k];
	}
	return NULL;
}

/* Only system calls and lock-free atomics: this may interrupt anything. */
static void handle(int number, siginfo_t *info, void *context)
{
	int saved = errno;
	uintptr_t page = (uintptr_t)info->si_addr & ~((uintptr_t)4096 - 1);
	struct store_bus_range *range = range_find(page);

	if (range != NULL && mmap((void *)page, 4096, PROT_READ,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED) {
		atomic_store_explicit(&range->lost, true, memory_order_relaxed);
		lost_here++;
	} else if ((action_before.sa_flags & SA_SIGINFO) != 0) {
		action_before.sa_sigaction(number, info, context);
	} else {
		/* Returning runs into the same fault again, and that ends the process. */
		sigaction(SIGBUS, &action_before, NULL);
	}
	errno = saved;
}

static void install(void)
{
	struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_NODEFER};

	sigemptyset(&action.sa_mask);
	install_status = sigaction(SIGBUS, &action, &action_before) == 0 ? 0 : -errno;
}

int store_bus_install(void)
{
	pthread_once(&install_once, install);
	return install_status;
}

struct store_bus_range *store_bus_add(const void *base, size_t len)
{
	struct store_bus_range *range = NULL;

	ASSERT((uintptr_t)base % 4096 == 0 && len > 0);
	pthread_mutex_lock(&ranges_lock);
	for (unsigned k = 0; k < RANGES_MAX && range == NULL; k++) {
		struct store_bus_range *at = &ranges[(ranges_hint + k) % RANGES_MAX];

		if (atomic_load_explicit(&at->base, memory_order_relaxed) == 0)
			range = at;
	}
	if (range != NULL) {
		unsigned number = (unsigned)(range - ranges);

		ranges_hint = number + 1;
		atomic_store_explicit(&range->len, len, memory_order_relaxed);
		atomic_store_explicit(&range->lost, false, memory_order_relaxed);
		atomic_store_explicit(&range->base, (uintptr_t)base, memory_order_release);
		if (atomic_load_explicit(&ranges_high, memory_order_relaxed) <= number)
			atomic_store_explicit(&ranges_high, number + 1, memory_order_release);
	}
	pthread_mutex_unlock(&ranges_lock);
	return range;
}

void store_bus_remove(struct store_bus_range *range)
{
	pthread_mutex_lock(&ranges_lock);
	atomic_store_explicit(&range->base, 0, memory_order_release);
	if ((unsigned)(range - ranges) < ranges_hint)
		ranges_hint = (unsigned)(range - ranges);
	pthread_mutex_unlock(&ranges_lock);
}

bool store_bus_lost(const struct store_bus_range *range)
{
	return atomic_load_explicit(&range->lost, memory_order_relaxed);
}

unsigned store_bus_count(void)
{
	return lost_here;
}
