/* SPDX-License-Identifier: Apache-2.0 */
#include "port.h"

#include <dirent.h>
#include <errno.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "diagnose.h"
#include "eal_log.h"

enum {
	NODES_MAX = 64,
	ARGUMENT_BYTES_MAX = 512,
	/* Arguments that do not come from a list of the configuration. */
	ARGUMENTS_OWN_MAX = 20,
};

/* EAL keeps pointers into its arguments: they live until port_eal_stop(). */
static struct eal_arguments {
	char (*texts)[ARGUMENT_BYTES_MAX];
	char **list; /* of texts; EAL reorders it */
	unsigned n, room;
	bool failed;
} arguments;

static bool prefix_is_ours;

__attribute__((format(printf, 2, 3))) static void add(struct eal_arguments *args,
						      const char *format, ...)
{
	va_list list;
	int len;

	ASSERT(args->n < args->room);
	va_start(list, format);
	len = vsnprintf(args->texts[args->n], ARGUMENT_BYTES_MAX, format, list);
	va_end(list);
	if (len < 0 || len >= ARGUMENT_BYTES_MAX)
		args->failed = true;
	args->list[args->n] = args->texts[args->n];
	args->n++;
}

static void arguments_free(struct eal_arguments *args)
{
	free(args->texts);
	free(args->list);
	*args = (struct eal_arguments){0};
}

static unsigned cpu_node(unsigned cpu)
{
	for (unsigned node = 0; node < NODES_MAX; node++) {
		char path[80];

		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/node%u", cpu, node);
		if (access(path, F_OK) == 0)
			return node;
	}
	return 0;
}

/* One bit for each NUMA node that a core of ours is on. */
static uint64_t nodes_of(const struct port_eal_config *config)
{
	uint64_t nodes = 0;

	for (unsigned k = 0; k < config->cores_n; k++)
		nodes |= 1ull << cpu_node(config->cores[k]);
	return nodes;
}

static void add_memory(struct eal_arguments *args, const struct port_eal_config *config)
{
	const uint64_t nodes = nodes_of(config);
	char list[NODES_MAX * 12] = "";

	/* EAL has no files for its memory without hugepages; what else --in-memory means is this.
	 */
	if (config->no_huge)
		add(args, "--no-huge");
	if (config->in_memory)
		add(args, config->no_huge ? "--no-shconf" : "--in-memory");
	if (config->memory_mb == 0)
		return;
	if (config->no_huge || nodes == 1) {
		add(args, "-m");
		add(args, "%u", config->memory_mb);
		return;
	}
	for (unsigned node = 0; nodes >> node != 0; node++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%u",
			 node == 0 ? "" : ",", nodes >> node & 1 ? config->memory_mb : 0);
	add(args, "--socket-mem=%s", list);
	if (nodes >> 63 != 0)
		args->failed = true;
}

static bool wants_single_file(const struct port_eal_config *config)
{
	bool wants = config->single_file_segments;

	for (unsigned k = 0; k < config->vdevs_n; k++)
		wants = wants || strstr(config->vdevs[k], "virtio_user") != NULL;
	return wants;
}

static void add_devices(struct eal_arguments *args, const struct port_eal_config *config)
{
	/* Without PCI nobody asks for physical addresses; virtual ones need no privilege. */
	if (config->devices_pci_n == 0) {
		add(args, "--no-pci");
		add(args, "--iova-mode=va");
	}
	for (unsigned k = 0; k < config->devices_pci_n; k++) {
		add(args, "-a");
		add(args, "%s", config->devices_pci[k]);
	}
	for (unsigned k = 0; k < config->vdevs_n; k++)
		add(args, "--vdev=%s", config->vdevs[k]);
	if (wants_single_file(config))
		add(args, "--single-file-segments");
}

static int arguments_make(struct eal_arguments *args, const struct port_eal_config *config)
{
	args->room =
		ARGUMENTS_OWN_MAX + 2 * config->devices_pci_n + config->vdevs_n + config->extra_n;
	args->list = calloc(args->room + 1, sizeof(args->list[0]));
	args->texts = calloc(args->room, sizeof(args->texts[0]));
	if (args->list == NULL || args->texts == NULL)
		return -ENOMEM;
	add(args, "%s", config->program);
	/* Only the calling thread is EAL's; the loops make their own threads. */
	add(args, "--lcores=0@%u", config->cores[0]);
	if (!config->telemetry)
		add(args, "--no-telemetry");
	if (config->file_prefix != NULL)
		add(args, "--file-prefix=%s", config->file_prefix);
	else
		add(args, "--file-prefix=wiremap-%ld", (long)getpid());
	add_memory(args, config);
	add_devices(args, config);
	for (unsigned k = 0; k < config->extra_n; k++)
		add(args, "%s", config->extra[k]);
	return args->failed ? -EINVAL : 0;
}

static int check_cores(const struct port_eal_config *config, struct port_error *error_r)
{
	cpu_set_t allowed;

	if (config->cores_n == 0 || config->cores_n > PORT_CORES_MAX) {
		snprintf(error_r->text, sizeof(error_r->text),
			 "%u cores: name one to %u CPUs in eal.cores", config->cores_n,
			 PORT_CORES_MAX);
		return -EINVAL;
	}
	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		return 0;
	for (unsigned k = 0; k < config->cores_n; k++) {
		if (config->cores[k] < CPU_SETSIZE && CPU_ISSET(config->cores[k], &allowed))
			continue;
		snprintf(error_r->text, sizeof(error_r->text),
			 "CPU %u is not one this process may use: see `taskset -p $$` and "
			 "`nproc --all`, and change eal.cores",
			 config->cores[k]);
		return -EINVAL;
	}
	return 0;
}

static int check(const struct port_eal_config *config, struct port_error *error_r)
{
	int status = check_cores(config, error_r);

	for (unsigned k = 0; k < config->vdevs_n && status == 0; k++)
		status = diagnose_device(config->vdevs[k], error_r);
	if (status == 0 && !config->no_huge)
		status = diagnose_hugepages(config->memory_mb,
					    (unsigned)__builtin_popcountll(nodes_of(config)),
					    config->in_memory, error_r);
	return status;
}

/* EAL's own threads run where its caller may but for EAL's lcores: keep them off our loops. */
static void leave_cores(const struct port_eal_config *config)
{
	cpu_set_t cpus;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0)
		return;
	for (unsigned k = 0; k < config->cores_n; k++)
		CPU_CLR(config->cores[k], &cpus);
	if (CPU_COUNT(&cpus) > 0)
		sched_setaffinity(0, sizeof(cpus), &cpus);
}

/* EAL leaves its files; under a name made from the pid nobody would ever use them again. */
static void runtime_directory_remove(const char *path)
{
	struct dirent *entry;
	DIR *directory = opendir(path);

	if (directory == NULL)
		return;
	while ((entry = readdir(directory)) != NULL)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(directory), entry->d_name, 0);
	closedir(directory);
	rmdir(path);
}

/* Drivers talk to their peers over sockets and know no MSG_NOSIGNAL: virtio_user, closed after its
 * peer has gone, would end the process. */
static void ignore_broken_pipes(void)
{
	struct sigaction action;

	if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL)
		signal(SIGPIPE, SIG_IGN);
}

int port_eal_start(const struct port_eal_config *config, struct port_error *error_r)
{
	cpu_set_t before;
	int status = check(config, error_r);

	if (status != 0)
		return status;
	ASSERT(arguments.list == NULL);
	status = arguments_make(&arguments, config);
	if (status != 0) {
		snprintf(error_r->text, sizeof(error_r->text), "EAL arguments: %s",
			 status == -ENOMEM ? "no memory" : "one is too long");
		arguments_free(&arguments);
		return status;
	}
	prefix_is_ours = config->file_prefix == NULL;
	ignore_broken_pipes();
	eal_log_open(config->log);
	eal_log_forget();
	sched_getaffinity(0, sizeof(before), &before);
	leave_cores(config);
	if (rte_eal_init((int)arguments.n, arguments.list) >= 0) {
		/* It is empty when everything is in memory, and who made it may have no right to
		 * remove it later. */
		rmdir(rte_eal_get_runtime_dir());
		return 0;
	}
	sched_setaffinity(0, sizeof(before), &before);
	snprintf(error_r->text, sizeof(error_r->text), "EAL does not start: %s: %s",
		 rte_strerror(rte_errno), eal_log_complaint());
	if (prefix_is_ours)
		runtime_directory_remove(rte_eal_get_runtime_dir());
	eal_log_close();
	return rte_errno > 0 ? -rte_errno : -EIO;
}

void port_eal_stop(void)
{
	char directory[256];

	snprintf(directory, sizeof(directory), "%s", rte_eal_get_runtime_dir());
	rte_eal_cleanup();
	if (prefix_is_ours)
		runtime_directory_remove(directory);
	arguments_free(&arguments);
	eal_log_close();
}
