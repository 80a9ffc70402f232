/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <rte_thash.h>
#include <sched.h>
#include <string.h>

#include "port.h"

enum { RING_FRAMES = 1024, HEADERS = 14 + 20 + 20 };

static struct rte_mempool *pool;
static char log_text[8192];

static void log_write(struct log *log, enum log_level level, const char *line)
{
	const size_t len = strlen(log_text);

	(void)log;
	(void)level;
	snprintf(log_text + len, sizeof(log_text) - len, "%s\n", line);
}

static struct log test_log = {log_write, LOG_LEVEL_DEBUG};

static struct port *open_port(const char *device, unsigned queues)
{
	const struct port_config config = {
		.device = device, .queues = queues, .checksum_offload = true};
	struct port_error error = {""};
	struct port *port;
	int status;

	log_text[0] = '\0';
	status = port_open(&config, &test_log, &port, &error);
	if (status != 0)
		print_error("%s: %s\n%s", device, error.text, log_text);
	assert_int_equal(status, 0);
	return port;
}

static void refused(const char *device, unsigned queues, uint32_t mtu, int status,
		    const char *remedy)
{
	const struct port_config config = {.device = device, .queues = queues, .mtu = mtu};
	struct port_error error = {""};
	struct port *port = (void *)&error;

	assert_int_equal(port_open(&config, &test_log, &port, &error), status);
	assert_null(port);
	if (strstr(error.text, remedy) == NULL)
		print_error("`%s` lacks `%s`\n", error.text, remedy);
	assert_non_null(strstr(error.text, remedy));
}

static void test_refusals_name_the_remedy(void **state)
{
	(void)state;
	refused("net_af_packet0,iface=nosuch0", 1, 0, -ENODEV, "ip link add nosuch0");
	refused("net_af_packet0", 1, 0, -EINVAL, "iface=NAME");
	refused("net_virtio_user0,path=/nonexistent/sock", 1, 0, -ENODEV, "server=1");
	refused("net_virtio_user0", 1, 0, -EINVAL, "path=FILE");
	refused("net_vhost0", 1, 0, -EINVAL, "iface=FILE");
	refused("net_vhost0,iface=/dev/null", 1, 0, -ENODEV, "rm /dev/null");
	refused("0000:7f:1f.7", 1, 0, -ENODEV, "dpdk-devbind.py");
	refused("net_nosuch0", 1, 0, -EFAULT, "the driver does not take it");
	refused("net_null0", 0, 0, -EINVAL, "at least one queue");
	refused("net_null0", PORT_QUEUES_MAX + 1, 0, -EINVAL, "at most");
	refused("net_ring9", 17, 0, -EINVAL, "lower `queues`");
	refused("net_null0", 1, 20, -EINVAL, "mtu 20");
}

/* A frame in two parts, the second one shared with the caller. */
static struct rte_mbuf *frame_make(struct rte_mbuf *shared)
{
	struct rte_mbuf *frame = rte_pktmbuf_alloc(pool);
	uint8_t *headers = (uint8_t *)rte_pktmbuf_append(frame, HEADERS);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(headers + 14);
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(headers + 34);

	memset(headers, 0, HEADERS);
	ip->version_ihl = 0x45;
	ip->next_proto_id = 6;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(40 + shared->data_len));
	tcp->data_off = 0x50;
	rte_mbuf_refcnt_update(shared, 1);
	frame->next = shared;
	frame->nb_segs = 2;
	frame->pkt_len += shared->data_len;
	frame->l2_len = 14;
	frame->l3_len = 20;
	frame->l4_len = 20;
	frame->ol_flags = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_CKSUM;
	return frame;
}

static struct rte_mbuf *shared_make(uint16_t len)
{
	struct rte_mbuf *shared = rte_pktmbuf_alloc(pool);

	memset(rte_pktmbuf_append(shared, len), 'x', len);
	return shared;
}

static void test_ring_carries_and_checksums(void **state)
{
	struct port *port = open_port("net_ring0", 1);
	struct rte_mbuf *frames[PORT_BURST_MAX], *shared = shared_make(101);
	struct port_stats stats;
	uint8_t mac[6];

	(void)state;
	assert_string_equal(port_driver(port), "net_ring");
	assert_int_equal(port_mtu(port), 1500);
	assert_true(port_segments_max(port) > 8);
	assert_int_equal(port_tso_bytes_max(port), 0);
	port_mac(port, mac);
	assert_int_equal(mac[0] & 3, 2); /* local, unicast */
	for (unsigned k = 0; k < 3; k++)
		frames[k] = frame_make(shared);
	port_transmit(port, 0, frames, 3);
	assert_int_equal(port_receive(port, 0, frames, PORT_BURST_MAX), 3);
	for (unsigned k = 0; k < 3; k++) {
		const struct rte_ipv4_hdr *ip =
			rte_pktmbuf_mtod_offset(frames[k], const struct rte_ipv4_hdr *, 14);

		assert_int_equal(rte_ipv4_cksum(ip), 0);
		assert_int_equal(rte_ipv4_udptcp_cksum_mbuf_verify(frames[k], ip, 34), 0);
		rte_pktmbuf_free(frames[k]);
	}
	assert_int_equal(port_receive(port, 0, frames, PORT_BURST_MAX), 0);
	port_stats(port, &stats);
	assert_int_equal(stats.tx_frames, 3);
	assert_int_equal(stats.tx_bytes, 3 * (HEADERS + 101));
	assert_int_equal(stats.rx_frames, 3);
	assert_int_equal(stats.rx_bytes, 3 * (HEADERS + 101));
	assert_int_equal(rte_mbuf_refcnt_read(shared), 1);
	rte_pktmbuf_free(shared);
	port_close(&port);
	assert_null(port);
	assert_true(rte_mempool_full(pool));
}

/* What a full queue does not take waits, in order, and leaves once there is room. */
static void test_full_queue_holds_frames(void **state)
{
	struct port *port = open_port("net_ring1", 1);
	struct rte_mbuf *frames[PORT_BURST_MAX];
	uint32_t sent = 0, received = 0;
	unsigned held = 0, n;

	(void)state;
	while (held == 0) {
		assert_int_equal(rte_pktmbuf_alloc_bulk(pool, frames, PORT_BURST_MAX), 0);
		for (unsigned k = 0; k < PORT_BURST_MAX; k++, sent++)
			*(uint32_t *)(void *)rte_pktmbuf_append(frames[k], 60) = sent;
		held = port_transmit(port, 0, frames, PORT_BURST_MAX);
	}
	assert_in_range(held, 1, PORT_BURST_MAX);
	while ((n = port_receive(port, 0, frames, PORT_BURST_MAX)) > 0) {
		for (unsigned k = 0; k < n; k++, received++)
			assert_int_equal(*rte_pktmbuf_mtod(frames[k], uint32_t *), received);
		rte_pktmbuf_free_bulk(frames, n);
		held = port_transmit(port, 0, NULL, 0);
	}
	assert_int_equal(held, 0);
	assert_int_equal(received, sent);
	port_close(&port);
	assert_true(rte_mempool_full(pool));
}

static void test_full_queue_drops_and_counts(void **state)
{
	struct port *port = open_port("net_ring1", 1);
	struct rte_mbuf *frames[PORT_BURST_MAX];
	struct port_stats stats;
	unsigned sent = 0, n;

	(void)state;
	while (sent < 2 * RING_FRAMES) {
		assert_int_equal(rte_pktmbuf_alloc_bulk(pool, frames, PORT_BURST_MAX), 0);
		for (unsigned k = 0; k < PORT_BURST_MAX; k++)
			rte_pktmbuf_append(frames[k], 60);
		port_transmit(port, 0, frames, PORT_BURST_MAX);
		sent += PORT_BURST_MAX;
	}
	port_stats(port, &stats);
	assert_int_equal(stats.tx_frames + stats.tx_dropped + PORT_HELD_MAX, sent);
	assert_in_range(stats.tx_dropped, 1, sent - 1);
	assert_int_equal(stats.tx_bytes, 60 * stats.tx_frames);
	while ((n = port_receive(port, 0, frames, PORT_BURST_MAX)) > 0)
		rte_pktmbuf_free_bulk(frames, n);
	port_close(&port);
	assert_true(rte_mempool_full(pool));
}

static void test_no_interrupts_on_a_ring(void **state)
{
	struct port *port = open_port("net_ring2", 1);

	(void)state;
	assert_int_equal(port_interrupt_fd(port, 0), -1);
	assert_int_equal(port_interrupt_arm(port, 0), -ENOTSUP);
	port_interrupt_disarm(port, 0);
	port_close(&port);
}

static void test_owner_is_symmetric_and_uses_all_queues(void **state)
{
	struct port *port = open_port("net_null0", 4);
	unsigned counts[4] = {0};

	(void)state;
	for (uint16_t client = 1024; client < 5120; client++) {
		unsigned owner =
			port_owner(port, inet_addr("10.0.0.2"), inet_addr("10.0.0.1"), client, 143);

		assert_in_range(owner, 0, 3);
		assert_int_equal(owner, port_owner(port, inet_addr("10.0.0.1"),
						   inet_addr("10.0.0.2"), 143, client));
		counts[owner]++;
	}
	for (unsigned k = 0; k < 4; k++)
		assert_in_range(counts[k], 768, 1280);
	port_close(&port);
}

/* net_null claims RSS: what it was told must be what port_owner() computes with. */
static void test_rss_of_the_device_agrees(void **state)
{
	enum { ENTRIES = 128 };
	struct port *port = open_port("net_null3", 4);
	struct rte_eth_rss_reta_entry64 table[ENTRIES / RTE_ETH_RETA_GROUP_SIZE] = {
		{.mask = UINT64_MAX}, {.mask = UINT64_MAX}};
	uint8_t key[40];
	struct rte_eth_rss_conf rss = {.rss_key = key, .rss_key_len = sizeof(key)};
	uint64_t random = 1;
	uint16_t id;

	(void)state;
	assert_int_equal(rte_eth_dev_get_port_by_name("net_null3", &id), 0);
	assert_int_equal(rte_eth_dev_rss_reta_query(id, table, ENTRIES), 0);
	assert_int_equal(rte_eth_dev_rss_hash_conf_get(id, &rss), 0);
	for (unsigned k = 0; k < 1000; k++) {
		uint32_t words[3]; /* addresses and ports as numbers */
		uint32_t hash;

		for (unsigned w = 0; w < 3; w++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			words[w] = (uint32_t)(random >> 32);
		}
		hash = rte_softrss(words, 3, key) % ENTRIES;
		assert_int_equal(
			port_owner(port, htonl(words[0]), htonl(words[1]),
				   (uint16_t)(words[2] >> 16), (uint16_t)words[2]),
			table[hash / RTE_ETH_RETA_GROUP_SIZE].reta[hash % RTE_ETH_RETA_GROUP_SIZE]);
	}
	port_close(&port);
}

static void test_one_queue_owns_all(void **state)
{
	struct port *port = open_port("net_null1", 1);

	(void)state;
	for (uint16_t client = 0; client < 1000; client++)
		assert_int_equal(port_owner(port, 1, 2, client, 143), 0);
	port_close(&port);
}

static void test_same_device_again(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 3; k++) {
		struct port *port = open_port("net_null2", 2);

		port_close(&port);
	}
}

static int first_cpu(void)
{
	cpu_set_t cpus;

	sched_getaffinity(0, sizeof(cpus), &cpus);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &cpus))
			return cpu;
	return 0;
}

static int eal_refusals(void)
{
	const unsigned nowhere = 9999, cpu = (unsigned)first_cpu();
	struct port_error error = {""};
	struct port_eal_config config = {.program = "test", .no_huge = true, .in_memory = true};
	const char *vdev = "net_af_packet0,iface=nosuch0";
	int failed = 0;

	failed += port_eal_start(&config, &error) != -EINVAL;
	config.cores = &nowhere;
	config.cores_n = 1;
	failed += port_eal_start(&config, &error) != -EINVAL ||
		  strstr(error.text, "CPU 9999") == NULL;
	config.cores = &cpu;
	config.vdevs = &vdev;
	config.vdevs_n = 1;
	failed += port_eal_start(&config, &error) != -ENODEV ||
		  strstr(error.text, "ip link add") == NULL;
	config.vdevs_n = 0;
	config.no_huge = false;
	config.memory_mb = 1u << 30;
	failed += port_eal_start(&config, &error) != -ENOMEM ||
		  strstr(error.text, "eal.huge: false") == NULL;
	return failed;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals_name_the_remedy),
		cmocka_unit_test(test_ring_carries_and_checksums),
		cmocka_unit_test(test_full_queue_holds_frames),
		cmocka_unit_test(test_full_queue_drops_and_counts),
		cmocka_unit_test(test_no_interrupts_on_a_ring),
		cmocka_unit_test(test_owner_is_symmetric_and_uses_all_queues),
		cmocka_unit_test(test_rss_of_the_device_agrees),
		cmocka_unit_test(test_one_queue_owns_all),
		cmocka_unit_test(test_same_device_again),
	};
	const unsigned cpu = (unsigned)first_cpu();
	const struct port_eal_config config = {.program = "test",
					       .cores = &cpu,
					       .cores_n = 1,
					       .memory_mb = 256,
					       .no_huge = true,
					       .in_memory = true,
					       .log = &test_log};
	struct port_error error;
	cpu_set_t cpus;
	int failed;

	if (eal_refusals() != 0) {
		print_error("EAL was not refused as it should be\n");
		return 1;
	}
	sched_getaffinity(0, sizeof(cpus), &cpus);
	if (port_eal_start(&config, &error) != 0) {
		print_error("%s\n%s", error.text, log_text);
		return 1;
	}
	/* Tests run side by side: do not insist on the one CPU. */
	sched_setaffinity(0, sizeof(cpus), &cpus);
	pool = rte_pktmbuf_pool_create("frames", 4095, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	failed = pool == NULL ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
	port_eal_stop();
	return failed;
}
