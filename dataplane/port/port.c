/* SPDX-License-Identifier: Apache-2.0 */
#include "port.h"

#include <errno.h>
#include <net/if.h>
#include <rte_bus_vdev.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "device.h"
#include "diagnose.h"
#include "eal_log.h"

enum {
	DESCRIPTORS_DEFAULT = 1024,
	/* Of 64 KiB frames. A driver gives back what was sent only when it needs the slot: 1024 of
	 * them hold 64 MiB of packet memory, which may be all there is, and then nothing moves. */
	DESCRIPTORS_TSO = 128,
	/* Received frames that TCP may keep for a while beyond the ring's: out of order, waiting
	 * for a session; and those in per-core caches. */
	RX_MBUFS_RESIDUE = 1024,
	RX_MBUFS_CACHE = 256,
	/* Linear copies: as many as wait in a transmit ring, and a burst. */
	SPARE_MBUFS_RESIDUE = 2 * PORT_BURST_MAX,
	SPARE_MBUFS_CACHE = 32,
	BUFFER_BYTES_MAX = 16384,
	LINK_BYTES = 14 + 4,		 /* Ethernet with one VLAN tag */
	MTU_MIN = 68,			 /* RFC 791 3.2 */
	TSO_BYTES_MAX = 65535 - 60 - 60, /* IPv4's length less the longest headers */
};

#define CHECKSUM_RX (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM)

/* What drivers do not say of themselves in DPDK 22.11. */
static const struct quirk {
	const char *driver;
	uint16_t segments_max; /* 0: what it says */
	uint16_t rx_mbufs;     /* taken for good, whatever the descriptors */
	bool mac_is_the_peers;
	bool checksums_in_software; /* the driver's, not a device's */
	bool prepares_cuts_only; /* of other frames tx_prepare sums the pseudo header once more */
} quirks[] = {
	/* Sends the first part of a chain and forgets the rest; fills 2048 slots at once. */
	{"net_af_xdp", .segments_max = 1, .rx_mbufs = 2048},
	/* The indirect table has eight entries, one for virtio's own header; longer chains take a
	 * ring descriptor for each part. */
	{"net_virtio_user", .segments_max = 7, .prepares_cuts_only = true},
	{"net_virtio", .segments_max = 7, .prepares_cuts_only = true},
	/* Gives the interface it makes for Linux the address it has itself. Sums chains whose
	 * parts have odd lengths wrongly. */
	{"net_tap", .mac_is_the_peers = true, .checksums_in_software = true},
};

static const struct quirk *quirk_of(const char *driver)
{
	for (size_t k = 0; k < RTE_DIM(quirks); k++)
		if (strcmp(driver, quirks[k].driver) == 0)
			return &quirks[k];
	return NULL;
}

/* What port_open() learns on its way. */
struct opening {
	const struct port_config *config;
	struct port *port;
	struct port_error *error;
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf;
	uint16_t rx_descriptors, tx_descriptors;
};

__attribute__((format(printf, 3, 4))) static int refuse(const struct opening *opening, int status,
							const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	snprintf(opening->error->text, sizeof(opening->error->text), "port %.63s: %s%s%s",
		 opening->port->name, text, eal_log_complaint()[0] != '\0' ? ": " : "",
		 eal_log_complaint());
	return status;
}

/* --- Which device --- */

/* `0000:00:04.0`, also for `00:04.0`; or the part of a vdev before its arguments. */
static void name_of(const char *device, char *name_r, size_t name_bytes)
{
	unsigned bus, slot, function;
	int len = 0;

	if (sscanf(device, "%2x:%2x.%1x%n", &bus, &slot, &function, &len) == 3 &&
	    device[len] == '\0')
		snprintf(name_r, name_bytes, "0000:%s", device);
	else
		snprintf(name_r, name_bytes, "%.*s", (int)strcspn(device, ","), device);
}

static bool reads_like_vdev(const char *name)
{
	return strncmp(name, "net_", 4) == 0 || strncmp(name, "eth_", 4) == 0 ||
	       strncmp(name, "virtio_user", 11) == 0;
}

static int device_find(struct opening *opening)
{
	const char *device = opening->config->device;
	struct port *port = opening->port;
	int status;

	if (rte_eth_dev_get_port_by_name(port->name, &port->id) == 0)
		return 0;
	if (!reads_like_vdev(port->name))
		return refuse(
			opening, -ENODEV,
			"no such device; give it to DPDK first: dpdk-devbind.py -b vfio-pci %s",
			port->name);
	status = diagnose_device(device, opening->error);
	if (status != 0)
		return status;
	status = rte_dev_probe(device);
	if (status != 0)
		return refuse(opening, status, "the driver does not take it: %s",
			      rte_strerror(-status));
	port->plugged = true;
	if (rte_eth_dev_get_port_by_name(port->name, &port->id) == 0)
		return 0;
	return refuse(opening, -ENODEV, "there is no driver of that name, or it made no port");
}

/* --- How it is set up --- */

static uint16_t segments_max(const struct opening *opening)
{
	const struct rte_eth_dev_info *info = &opening->info;
	const struct quirk *quirk = quirk_of(info->driver_name);

	if (!(info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS))
		return 1;
	if (quirk != NULL && quirk->segments_max != 0)
		return quirk->segments_max;
	return info->tx_desc_lim.nb_mtu_seg_max > 0 ? info->tx_desc_lim.nb_mtu_seg_max : 1;
}

static void choose_offloads(struct opening *opening)
{
	const uint64_t can = opening->info.tx_offload_capa;
	struct port *port = opening->port;
	const struct quirk *quirk = quirk_of(opening->info.driver_name);
	uint64_t use = 0, hardware = 0;

	port->segments_max = segments_max(opening);
	if (port->segments_max > 1)
		use |= RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	if (opening->config->checksum_offload && (quirk == NULL || !quirk->checksums_in_software)) {
		opening->conf.rxmode.offloads = opening->info.rx_offload_capa & CHECKSUM_RX;
		use |= can & (RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM);
	}
	if (opening->config->tso && use & RTE_ETH_TX_OFFLOAD_TCP_CKSUM)
		use |= can & RTE_ETH_TX_OFFLOAD_TCP_TSO;
	if (opening->config->tso && !(use & RTE_ETH_TX_OFFLOAD_TCP_TSO))
		log_line(port->log, LOG_LEVEL_INFO, "port %s: no TSO here: segments are cut by TCP",
			 port->name);
	if (use & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM)
		hardware |= RTE_MBUF_F_TX_IP_CKSUM;
	if (use & RTE_ETH_TX_OFFLOAD_TCP_CKSUM)
		hardware |= RTE_MBUF_F_TX_TCP_CKSUM;
	if (use & RTE_ETH_TX_OFFLOAD_TCP_TSO) {
		/* A device that cuts writes the IPv4 checksums, whatever it says of others. */
		hardware |= RTE_MBUF_F_TX_TCP_SEG;
		port->tso_bytes_max = TSO_BYTES_MAX;
	}
	opening->conf.txmode.offloads = use;
	port->begin_flags = hardware & ~RTE_MBUF_F_TX_IP_CKSUM;
	port->prepare_flags = port->begin_flags;
	if (quirk != NULL && quirk->prepares_cuts_only)
		port->prepare_flags &= RTE_MBUF_F_TX_TCP_SEG;
	port->software_flags =
		(RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_TCP_SEG) &
		~hardware;
}

static int check_config(struct opening *opening)
{
	const struct port_config *config = opening->config;
	const struct rte_eth_dev_info *info = &opening->info;
	const unsigned queues_max = (unsigned)RTE_MIN(info->max_rx_queues, info->max_tx_queues);

	if (config->queues > queues_max)
		return refuse(opening, -EINVAL,
			      "%u queues, the device has %u: lower `queues`, or give a vdev "
			      "more (af_packet: qpairs=N; vhost, virtio_user: queues=N)",
			      config->queues, queues_max);
	if (info->max_mtu > 0 && config->mtu > info->max_mtu)
		return refuse(opening, -EINVAL, "mtu %u: the device takes at most %u", config->mtu,
			      info->max_mtu);
	if (config->mtu != 0 && (config->mtu < info->min_mtu || config->mtu < MTU_MIN))
		return refuse(opening, -EINVAL, "mtu %u is below what the device, or IPv4, takes",
			      config->mtu);
	return 0;
}

static int configure(struct opening *opening)
{
	const struct port_config *config = opening->config;
	struct port *port = opening->port;
	const uint16_t queues = (uint16_t)config->queues;
	int status;

	if (config->mtu != 0)
		opening->conf.rxmode.mtu = config->mtu;
	opening->conf.intr_conf.rxq = config->rx_interrupts;
	port_spread_configure(&opening->info, config->queues, &opening->conf);
	choose_offloads(opening);
	status = rte_eth_dev_configure(port->id, queues, queues, &opening->conf);
	if (status != 0 && config->rx_interrupts) {
		opening->conf.intr_conf.rxq = 0;
		status = rte_eth_dev_configure(port->id, queues, queues, &opening->conf);
	}
	if (status != 0)
		return refuse(opening, status, "cannot be configured: %s", rte_strerror(-status));
	opening->rx_descriptors = config->rx_descriptors != 0 ? (uint16_t)config->rx_descriptors
							      : DESCRIPTORS_DEFAULT;
	if (config->tx_descriptors != 0)
		opening->tx_descriptors = (uint16_t)config->tx_descriptors;
	else
		opening->tx_descriptors =
			port->tso_bytes_max > 0 ? DESCRIPTORS_TSO : DESCRIPTORS_DEFAULT;
	status = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &opening->rx_descriptors,
						  &opening->tx_descriptors);
	return status == 0 ? 0 : refuse(opening, status, "descriptors: %s", rte_strerror(-status));
}

/* --- MTU --- */

/* The MTU of the kernel's interface behind the device; 0: there is none. */
static uint32_t kernel_mtu(const struct rte_eth_dev_info *info)
{
	struct ifreq request = {0};
	uint32_t mtu = 0;
	int fd;

	if (info->if_index == 0 || if_indextoname(info->if_index, request.ifr_name) == NULL)
		return 0;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	if (ioctl(fd, SIOCGIFMTU, &request) == 0 && request.ifr_mtu > 0)
		mtu = (uint32_t)request.ifr_mtu;
	close(fd);
	return mtu;
}

static void set_mtu(struct opening *opening)
{
	struct port *port = opening->port;
	const uint32_t wanted = opening->config->mtu;
	uint16_t mtu = RTE_ETHER_MTU;
	uint32_t kernel;
	int status;

	if (wanted != 0) {
		status = rte_eth_dev_set_mtu(port->id, (uint16_t)wanted);
		if (status != 0)
			log_line(port->log, LOG_LEVEL_INFO, "port %s: sets no mtu itself (%s)",
				 port->name, rte_strerror(-status));
	}
	rte_eth_dev_get_mtu(port->id, &mtu);
	port->mtu = wanted != 0 ? wanted : mtu;
	kernel = kernel_mtu(&opening->info);
	if (kernel != 0 && kernel < port->mtu) {
		log_line(port->log, LOG_LEVEL_WARNING,
			 "port %s: the interface has mtu %u, which is used; for more: ip link set "
			 "dev NAME mtu %u",
			 port->name, kernel, port->mtu);
		port->mtu = kernel;
	}
}

/* --- Queues --- */

/* A whole frame fits into one buffer, so that nothing arrives in chains but what a peer makes. */
static uint16_t buffer_bytes(const struct opening *opening)
{
	const struct rte_devargs *devargs = rte_dev_devargs(opening->info.device);
	uint32_t bytes = RTE_MBUF_DEFAULT_DATAROOM;
	char args[256], value[16];

	bytes = RTE_MAX(bytes, opening->info.min_rx_bufsize);
	bytes = RTE_MAX(bytes, opening->config->mtu + LINK_BYTES);
	snprintf(args, sizeof(args), ",%s",
		 devargs != NULL && devargs->args != NULL ? devargs->args : "");
	/* af_packet wants room for its frame slots, whatever the MTU. */
	if (device_argument(args, "framesz", value, sizeof(value)))
		bytes = RTE_MAX(bytes, (uint32_t)strtoul(value, NULL, 10));
	bytes = RTE_MIN(bytes, (uint32_t)BUFFER_BYTES_MAX);
	return (uint16_t)RTE_ALIGN_CEIL(bytes + RTE_PKTMBUF_HEADROOM, RTE_CACHE_LINE_SIZE);
}

static int pool_create(const struct opening *opening, const char *kind, unsigned queue, unsigned n,
		       unsigned cache, struct rte_mempool **pool_r)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "port%u.%u.%s", opening->port->id, queue, kind);
	*pool_r = rte_pktmbuf_pool_create(name, n, cache, 0, buffer_bytes(opening),
					  opening->port->socket);
	if (*pool_r != NULL)
		return 0;
	return refuse(opening, -ENOMEM,
		      "no memory for %u buffers of %u bytes (%s): raise eal.memory_mb, or lower "
		      "`queues` or `rx_descriptors`",
		      n, buffer_bytes(opening), rte_strerror(rte_errno));
}

static int queue_open(struct opening *opening, unsigned number)
{
	struct port *port = opening->port;
	struct port_queue *queue = &port->queues[number];
	struct rte_eth_rxconf rx = opening->info.default_rxconf;
	struct rte_eth_txconf tx = opening->info.default_txconf;
	const struct quirk *quirk = quirk_of(opening->info.driver_name);
	unsigned n = opening->config->rx_mbufs;
	int status;

	if (n == 0)
		n = opening->rx_descriptors + RX_MBUFS_RESIDUE;
	n += quirk != NULL ? quirk->rx_mbufs : 0;
	status = pool_create(opening, "rx", number, n, RTE_MIN((unsigned)RX_MBUFS_CACHE, n / 4),
			     &queue->received);
	if (status != 0)
		return status;
	/* Virtio without chains or offloads would never need it; they are small next to it. */
	status = pool_create(opening, "tx", number, opening->tx_descriptors + SPARE_MBUFS_RESIDUE,
			     SPARE_MBUFS_CACHE, &queue->spare);
	if (status != 0)
		return status;
	rx.offloads = opening->conf.rxmode.offloads;
	status = rte_eth_rx_queue_setup(port->id, (uint16_t)number, opening->rx_descriptors,
					(unsigned)port->socket, &rx, queue->received);
	if (status != 0)
		return refuse(opening, status, "receive queue %u: %s", number,
			      rte_strerror(-status));
	tx.offloads = opening->conf.txmode.offloads;
	status = rte_eth_tx_queue_setup(port->id, (uint16_t)number, opening->tx_descriptors,
					(unsigned)port->socket, &tx);
	if (status != 0)
		return refuse(opening, status, "transmit queue %u: %s", number,
			      rte_strerror(-status));
	return 0;
}

/* --- Started --- */

/* A device without an address of its own gets one made from its name. */
static void choose_mac(struct port *port)
{
	const struct quirk *quirk = quirk_of(port->driver);
	struct rte_ether_addr mac = {0};
	uint32_t hash = 2166136261u; /* FNV-1a */

	rte_eth_macaddr_get(port->id, &mac);
	if ((quirk == NULL || !quirk->mac_is_the_peers) && !rte_is_zero_ether_addr(&mac) &&
	    !rte_is_multicast_ether_addr(&mac)) {
		memcpy(port->mac, mac.addr_bytes, sizeof(port->mac));
		return;
	}
	for (const char *at = port->name; *at != '\0'; at++)
		hash = (hash ^ (uint8_t)*at) * 16777619u;
	port->mac[0] = RTE_ETHER_LOCAL_ADMIN_ADDR;
	port->mac[1] = (uint8_t)port->id;
	memcpy(port->mac + 2, &hash, sizeof(hash));
}

static int start(struct opening *opening)
{
	struct port *port = opening->port;
	struct rte_eth_link link = {0};
	int status = rte_eth_dev_start(port->id);

	if (status != 0)
		return refuse(opening, status, "does not start: %s", rte_strerror(-status));
	choose_mac(port);
	if (opening->config->promiscuous && rte_eth_promiscuous_enable(port->id) != 0)
		log_line(port->log, LOG_LEVEL_INFO, "port %s: has no promiscuous mode", port->name);
	port_spread_init(port, &opening->info);
	if (opening->config->rx_interrupts)
		port_interrupts_init(port, &opening->info);
	if (rte_eth_link_get_nowait(port->id, &link) == 0 && link.link_status == RTE_ETH_LINK_DOWN)
		log_line(port->log, LOG_LEVEL_WARNING, "port %s: the link is down", port->name);
	log_line(port->log, LOG_LEVEL_INFO,
		 "port %s: %s, %02x:%02x:%02x:%02x:%02x:%02x, mtu %u, queues %u, chains of %u, "
		 "checksums %s, TSO %s",
		 port->name, port->driver, port->mac[0], port->mac[1], port->mac[2], port->mac[3],
		 port->mac[4], port->mac[5], port->mtu, port->queues_n, port->segments_max,
		 port->software_flags & RTE_MBUF_F_TX_TCP_CKSUM ? "in software" : "in the device",
		 port->tso_bytes_max > 0 ? "in the device" : "off");
	return 0;
}

static int device_open(struct opening *opening)
{
	struct port *port = opening->port;
	int status = device_find(opening);

	if (status != 0)
		return status;
	status = rte_eth_dev_info_get(port->id, &opening->info);
	if (status != 0)
		return refuse(opening, status, "says nothing of itself: %s", rte_strerror(-status));
	port->device = opening->info.device;
	port->driver = opening->info.driver_name;
	port->socket = rte_eth_dev_socket_id(port->id);
	status = check_config(opening);
	if (status == 0)
		status = configure(opening);
	if (status != 0)
		return status;
	set_mtu(opening);
	for (unsigned k = 0; k < port->queues_n && status == 0; k++)
		status = queue_open(opening, k);
	return status == 0 ? start(opening) : status;
}

int port_open(const struct port_config *config, struct log *log, struct port **port_r,
	      struct port_error *error_r)
{
	struct opening opening = {.config = config, .error = error_r};
	struct port *port;
	int status;

	*port_r = NULL;
	if (config->queues == 0 || config->queues > PORT_QUEUES_MAX ||
	    config->rx_descriptors > UINT16_MAX || config->tx_descriptors > UINT16_MAX) {
		snprintf(error_r->text, sizeof(error_r->text),
			 "port %.63s: queues %u, descriptors %u and %u: at most %u queues and %u "
			 "descriptors, at least one queue",
			 config->device, config->queues, config->rx_descriptors,
			 config->tx_descriptors, PORT_QUEUES_MAX, UINT16_MAX);
		return -EINVAL;
	}
	port = rte_zmalloc("port", sizeof(*port) + config->queues * sizeof(port->queues[0]),
			   RTE_CACHE_LINE_SIZE);
	if (port == NULL) {
		snprintf(error_r->text, sizeof(error_r->text), "port %.63s: no memory",
			 config->device);
		return -ENOMEM;
	}
	opening.port = port;
	port->id = RTE_MAX_ETHPORTS;
	port->log = log;
	port->queues_n = config->queues;
	port->socket = SOCKET_ID_ANY;
	for (unsigned k = 0; k < port->queues_n; k++)
		port->queues[k].interrupt_fd = -1;
	name_of(config->device, port->name, sizeof(port->name));
	eal_log_forget();
	status = device_open(&opening);
	if (status != 0)
		port_close(&port);
	*port_r = port;
	return status;
}

/* Freeing a pool that someone still holds a buffer of would be worse than keeping it. */
static void pool_close(const struct port *port, struct rte_mempool **pool)
{
	if (*pool == NULL)
		return;
	if (rte_mempool_full(*pool))
		rte_mempool_free(*pool);
	else
		log_line(port->log, LOG_LEVEL_WARNING, "port %s: %u buffers are still in use",
			 port->name, rte_mempool_in_use_count(*pool));
	*pool = NULL;
}

void port_close(struct port **port)
{
	struct port *gone = *port;

	if (gone == NULL)
		return;
	for (unsigned k = 0; k < gone->queues_n; k++) {
		rte_pktmbuf_free_bulk(gone->queues[k].found, gone->queues[k].found_n);
		rte_pktmbuf_free_bulk(gone->queues[k].held, gone->queues[k].held_n);
	}
	if (gone->id != RTE_MAX_ETHPORTS) {
		rte_eth_dev_stop(gone->id);
		if (gone->plugged && gone->device != NULL)
			rte_dev_remove(gone->device);
		else
			rte_eth_dev_close(gone->id);
	}
	for (unsigned k = 0; k < gone->queues_n; k++) {
		pool_close(gone, &gone->queues[k].received);
		pool_close(gone, &gone->queues[k].spare);
	}
	rte_free(gone);
	*port = NULL;
}

/* --- Asked --- */

const char *port_driver(const struct port *port)
{
	return port->driver;
}

void port_mac(const struct port *port, uint8_t mac_r[6])
{
	memcpy(mac_r, port->mac, sizeof(port->mac));
}

uint32_t port_mtu(const struct port *port)
{
	return port->mtu;
}

uint32_t port_tso_bytes_max(const struct port *port)
{
	return port->tso_bytes_max;
}

uint32_t port_segments_max(const struct port *port)
{
	return port->segments_max;
}
