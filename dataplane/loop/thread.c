/* SPDX-License-Identifier: Apache-2.0 */
#include "thread.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>

/* Faults stay deliverable: the store has a handler for SIGBUS, and a blocked fault kills. */
static void signals_of_others(sigset_t *set_r)
{
	static const int faults[] = {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGABRT};

	sigfillset(set_r);
	for (size_t k = 0; k < sizeof(faults) / sizeof(faults[0]); k++)
		sigdelset(set_r, faults[k]);
}

static int pin(pthread_attr_t *attr, const unsigned *cpus, unsigned cpus_n)
{
	cpu_set_t set;

	if (cpus_n == 0)
		return 0;
	CPU_ZERO(&set);
	for (unsigned k = 0; k < cpus_n; k++) {
		if (cpus[k] >= CPU_SETSIZE)
			return -EINVAL;
		CPU_SET(cpus[k], &set);
	}
	return -pthread_attr_setaffinity_np(attr, sizeof(set), &set);
}

int loop_thread_start(pthread_t *thread_r, const char *name, const unsigned *cpus, unsigned cpus_n,
		      void *(*run)(void *), void *arg)
{
	char name_cut[16];
	pthread_attr_t attr;
	sigset_t blocked;
	int status = -pthread_attr_init(&attr);

	if (status != 0)
		return status;
	signals_of_others(&blocked);
	status = -pthread_attr_setsigmask_np(&attr, &blocked);
	if (status == 0)
		status = pin(&attr, cpus, cpus_n);
	if (status == 0)
		status = -pthread_create(thread_r, &attr, run, arg);
	pthread_attr_destroy(&attr);
	if (status != 0)
		return status;
	snprintf(name_cut, sizeof(name_cut), "%s", name);
	pthread_setname_np(*thread_r, name_cut);
	return 0;
}
