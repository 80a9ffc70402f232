/* SPDX-License-Identifier: Apache-2.0 */
#include "diagnose.h"

#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <mntent.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

enum { VALUE_BYTES_MAX = 128 };

static bool is_driver(const char *device, const char *driver)
{
	return strncmp(device, driver, strlen(driver)) == 0;
}

bool device_argument(const char *device, const char *key, char *value_r, size_t value_bytes)
{
	const size_t key_len = strlen(key);

	for (const char *at = strchr(device, ','); at != NULL; at = strchr(at, ',')) {
		at++;
		if (strncmp(at, key, key_len) != 0 || at[key_len] != '=')
			continue;
		at += key_len + 1;
		snprintf(value_r, value_bytes, "%.*s", (int)strcspn(at, ","), at);
		return true;
	}
	return false;
}

static int diagnose_interface(const char *device, struct port_error *error_r)
{
	char name[VALUE_BYTES_MAX];

	if (!device_argument(device, "iface", name, sizeof(name))) {
		snprintf(error_r->text, sizeof(error_r->text),
			 "%s: which interface? Add `,iface=NAME`", device);
		return -EINVAL;
	}
	if (if_nametoindex(name) != 0)
		return 0;
	snprintf(error_r->text, sizeof(error_r->text),
		 "%s: there is no interface %s in this network namespace; create it: "
		 "ip link add %s type veth peer name %s-peer && ip link set %s up",
		 device, name, name, name, name);
	return -ENODEV;
}

static int diagnose_af_xdp(const char *device, struct port_error *error_r)
{
	struct statfs at;

	if (statfs("/sys/fs/bpf", &at) == 0 && at.f_type == BPF_FS_MAGIC)
		return diagnose_interface(device, error_r);
	snprintf(error_r->text, sizeof(error_r->text),
		 "%s: AF_XDP needs the BPF file system: mount -t bpf bpf /sys/fs/bpf", device);
	return -ENODEV;
}

static int diagnose_tap(const char *device, struct port_error *error_r)
{
	struct stat at;

	if (stat("/dev/net/tun", &at) == 0)
		return 0;
	snprintf(error_r->text, sizeof(error_r->text), "%s: there is no /dev/net/tun: modprobe tun",
		 device);
	return -ENODEV;
}

static int diagnose_virtio_user(const char *device, struct port_error *error_r)
{
	char path[VALUE_BYTES_MAX], server[VALUE_BYTES_MAX];
	struct stat at;

	if (!device_argument(device, "path", path, sizeof(path))) {
		snprintf(error_r->text, sizeof(error_r->text),
			 "%s: where is the peer's socket? Add `,path=FILE`", device);
		return -EINVAL;
	}
	if (device_argument(device, "server", server, sizeof(server)) && strcmp(server, "1") == 0)
		return 0;
	if (stat(path, &at) == 0)
		return 0;
	snprintf(error_r->text, sizeof(error_r->text),
		 "%s: there is no %s; start the vhost side first, or add `,server=1` here and "
		 "`,client=1` there",
		 device, path);
	return -ENODEV;
}

static int diagnose_vhost(const char *device, struct port_error *error_r)
{
	char path[VALUE_BYTES_MAX], client[VALUE_BYTES_MAX];
	struct stat at;

	if (!device_argument(device, "iface", path, sizeof(path))) {
		snprintf(error_r->text, sizeof(error_r->text),
			 "%s: where shall the socket be? Add `,iface=FILE`", device);
		return -EINVAL;
	}
	if (device_argument(device, "client", client, sizeof(client)) && strcmp(client, "1") == 0)
		return 0;
	if (stat(path, &at) != 0)
		return 0;
	snprintf(error_r->text, sizeof(error_r->text),
		 "%s: %s is there already, from another process or one that died: rm %s", device,
		 path, path);
	return -ENODEV;
}

static const struct {
	const char *driver;
	int (*diagnose)(const char *device, struct port_error *error_r);
} known[] = {
	{"net_af_packet", diagnose_interface},
	{"eth_af_packet", diagnose_interface},
	{"net_af_xdp", diagnose_af_xdp},
	{"net_tap", diagnose_tap},
	{"net_virtio_user", diagnose_virtio_user},
	{"virtio_user", diagnose_virtio_user},
	{"net_vhost", diagnose_vhost},
	{"eth_vhost", diagnose_vhost},
};

int diagnose_device(const char *device, struct port_error *error_r)
{
	for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
		if (is_driver(device, known[k].driver))
			return known[k].diagnose(device, error_r);
	return 0;
}

/* MB in free hugepages of all sizes; *page_kb_r is the smallest size there is. */
static unsigned long hugepages_free_mb(unsigned long *page_kb_r)
{
	const char *const top = "/sys/kernel/mm/hugepages";
	unsigned long free_mb = 0;
	struct dirent *entry;
	DIR *sizes = opendir(top);

	*page_kb_r = 0;
	while (sizes != NULL && (entry = readdir(sizes)) != NULL) {
		unsigned long kb, pages;
		char path[320];
		FILE *file;

		if (sscanf(entry->d_name, "hugepages-%lukB", &kb) != 1)
			continue;
		snprintf(path, sizeof(path), "%s/%s/free_hugepages", top, entry->d_name);
		file = fopen(path, "re");
		if (file != NULL && fscanf(file, "%lu", &pages) == 1)
			free_mb += pages * kb / 1024;
		if (file != NULL)
			fclose(file);
		if (*page_kb_r == 0 || kb < *page_kb_r)
			*page_kb_r = kb;
	}
	if (sizes != NULL)
		closedir(sizes);
	return free_mb;
}

static bool hugetlbfs_mounted(void)
{
	FILE *mounts = setmntent("/proc/self/mounts", "r");
	struct mntent *mount;
	bool found = false;

	while (mounts != NULL && !found && (mount = getmntent(mounts)) != NULL)
		found = strcmp(mount->mnt_type, "hugetlbfs") == 0;
	if (mounts != NULL)
		endmntent(mounts);
	return found;
}

int diagnose_hugepages(unsigned memory_mb, unsigned sockets, bool in_memory,
		       struct port_error *error_r)
{
	enum { ENOUGH_MB = 512 }; /* what to advise when nobody said how much */
	const unsigned long wanted_mb = (unsigned long)memory_mb * sockets;
	unsigned long page_kb;
	const unsigned long free_mb = hugepages_free_mb(&page_kb);

	if (page_kb == 0) {
		snprintf(error_r->text, sizeof(error_r->text),
			 "this kernel has no hugepages: set eal.huge: false");
		return -ENOMEM;
	}
	if (free_mb == 0 || free_mb < wanted_mb) {
		const unsigned long missing_mb = (wanted_mb > 0 ? wanted_mb : ENOUGH_MB) - free_mb;

		snprintf(error_r->text, sizeof(error_r->text),
			 "%lu MB of hugepages are free, %lu more are needed: "
			 "sysctl vm.nr_hugepages=$(( $(sysctl -n vm.nr_hugepages) + %lu )), or set "
			 "eal.huge: false",
			 free_mb, missing_mb, (missing_mb * 1024 + page_kb - 1) / page_kb);
		return -ENOMEM;
	}
	if (!in_memory && !hugetlbfs_mounted()) {
		snprintf(error_r->text, sizeof(error_r->text),
			 "hugepages are not mounted: mkdir -p /dev/hugepages && mount -t hugetlbfs "
			 "none /dev/hugepages, or set eal.in_memory: true");
		return -ENOMEM;
	}
	return 0;
}
