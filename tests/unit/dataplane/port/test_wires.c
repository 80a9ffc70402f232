/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pairs of devices between two processes: what one port sends, in chains and with checksums left
 * to it, the other one gets whole and sends back. Everything lives in namespaces and a directory
 * of this test's own; wires that need more than the machine allows are skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <rte_cycles.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checksum.h"
#include "port.h"

enum {
	HEADERS = 14 + 20 + 20,
	ROUNDS = 60,
	QUEUES_MAX = 2,
	WIRE_SECONDS_MAX = 40, /* under sanitisers, on a busy machine */
	CANNOT = 77,	       /* exit status: not to be had here */
	FAILED = 1,
	SEED_STEP = 97,
};

struct wire {
	const char *near, *far; /* devices; %s is the socket */
	unsigned queues;
	bool together; /* the far one waits in its opening for the near one */
	bool interrupts;
	uint32_t segments_max; /* of the near one; 0: any */
	/* Once in some hundred runs virtio_user 22.11, as the socket's server, ends by a signal
	 * when its peer closes: after the near end has seen all it came for. */
	bool far_may_die;
};

static char directory[64] = "/tmp/wiremap-wires-XXXXXX";
static bool have_namespace;

/* --- One end --- */

static void end_log(struct log *log, enum log_level level, const char *line)
{
	(void)log;
	(void)level;
	print_message("    %d: %s\n", (int)getpid(), line);
}

static struct log quiet = {end_log, LOG_LEVEL_ERROR};

static struct port *end_open(const char *device, const struct wire *wire)
{
	const unsigned cpu = (unsigned)sched_getcpu();
	const struct port_eal_config eal = {.program = "test",
					    .cores = &cpu,
					    .cores_n = 1,
					    .vdevs = &device,
					    .vdevs_n = 1,
					    .memory_mb = 128,
					    .no_huge = true,
					    .in_memory = true,
					    .log = &quiet};
	const struct port_config config = {.device = device,
					   .queues = wire->queues,
					   .rx_descriptors = 256,
					   .tx_descriptors = 256,
					   .checksum_offload = true,
					   .rx_interrupts = true};
	struct port_error error = {""};
	struct port *port = NULL;
	cpu_set_t cpus;

	sched_getaffinity(0, sizeof(cpus), &cpus);
	if (port_eal_start(&eal, &error) == 0 && port_open(&config, &quiet, &port, &error) != 0)
		port_eal_stop();
	if (port == NULL)
		print_message("    %s\n", error.text);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	return port;
}

static uint8_t payload_byte(unsigned seed, uint32_t k)
{
	return (uint8_t)(seed * 31 + k * 7 + (k >> 8));
}

/* A frame of `payload` bytes in parts of at most `part` after the headers; `seed` is its id. */
static struct rte_mbuf *frame_make(struct rte_mempool *pool, unsigned seed, uint32_t payload,
				   uint32_t part)
{
	struct rte_mbuf *frame = rte_pktmbuf_alloc(pool), *tail = frame;
	uint8_t *headers = rte_pktmbuf_mtod(frame, uint8_t *);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(headers + 14);
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(headers + 34);

	frame->data_len = HEADERS;
	frame->pkt_len = HEADERS;
	memset(headers, 0, HEADERS);
	memset(headers, 0xff, 6);
	headers[6] = 2;
	headers[12] = 8;
	ip->version_ihl = 0x45;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(40 + payload));
	ip->packet_id = rte_cpu_to_be_16((uint16_t)seed);
	ip->time_to_live = 64;
	ip->next_proto_id = 6;
	ip->src_addr = RTE_BE32(0x0a000001);
	ip->dst_addr = RTE_BE32(0x0a000002);
	tcp->data_off = 0x50;
	for (uint32_t done = 0; done < payload; done += part) {
		const uint32_t len = RTE_MIN(part, payload - done);
		uint8_t *at;

		tail->next = rte_pktmbuf_alloc(pool);
		tail = tail->next;
		at = (uint8_t *)rte_pktmbuf_append(tail, (uint16_t)len);
		for (uint32_t k = 0; k < len; k++)
			at[k] = payload_byte(seed, done + k);
		frame->nb_segs++;
		frame->pkt_len += len;
	}
	return frame;
}

static void ask_for_checksums(struct rte_mbuf *frame)
{
	frame->ol_flags = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_CKSUM;
	frame->tx_offload = 0;
	frame->l2_len = 14;
	frame->l3_len = 20;
	frame->l4_len = 20;
}

/* The seed, or -1: not whole, or a checksum is wrong that the device did not vouch for. */
static int frame_check(const struct rte_mbuf *frame)
{
	uint8_t bytes[2048];
	const uint8_t *at = rte_pktmbuf_read(frame, 0, frame->pkt_len, bytes);
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(at + 14);
	const uint64_t l4 = frame->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
	uint32_t len;
	unsigned seed;

	if (frame->pkt_len < HEADERS || frame->pkt_len > sizeof(bytes))
		return -1;
	len = rte_be_to_cpu_16(ip->total_length);
	seed = rte_be_to_cpu_16(ip->packet_id);
	if (len < 40 || 14 + len > frame->pkt_len)
		return -1;
	if (checksum_fold(checksum_add(0, ip, 20)) != 0xffff)
		return -1;
	if ((l4 == RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN &&
	     checksum_fold(checksum_add(
		     checksum_pseudo(ip->src_addr, ip->dst_addr, 6, (uint16_t)(len - 20)), at + 34,
		     len - 20)) != 0xffff) ||
	    l4 == RTE_MBUF_F_RX_L4_CKSUM_BAD)
		return -1;
	for (uint32_t k = 0; k < len - 40; k++)
		if (at[HEADERS + k] != payload_byte(seed, k))
			return -1;
	return (int)seed;
}

/* --- The far end: sends back what it gets, on the queue it came from --- */

static bool is_ours(const struct rte_mbuf *frame)
{
	const uint8_t *at = rte_pktmbuf_mtod(frame, const uint8_t *);

	return frame->data_len >= 14 && at[12] == 8 && at[13] == 0 && at[6] == 2;
}

static void echo_queue(struct port *port, unsigned queue)
{
	struct rte_mbuf *frames[PORT_BURST_MAX];
	unsigned n = port_receive(port, queue, frames, PORT_BURST_MAX), back = 0;

	for (unsigned k = 0; k < n; k++) {
		/* Linux talks on a veth, too. */
		if (!is_ours(frames[k])) {
			rte_pktmbuf_free(frames[k]);
			continue;
		}
		ask_for_checksums(frames[k]);
		rte_pktmbuf_mtod(frames[k], uint8_t *)[6] = 6; /* it has been there */
		frames[back++] = frames[k];
	}
	if (back > 0)
		port_transmit(port, queue, frames, back);
}

static int far_run(const struct wire *wire, const char *device, int ready, int stop)
{
	struct port *port = end_open(device, wire);
	char byte = 0;

	if (port == NULL)
		return CANNOT;
	if (write(ready, &byte, 1) != 1)
		return FAILED;
	fcntl(stop, F_SETFL, O_NONBLOCK);
	while (read(stop, &byte, 1) < 0 && errno == EAGAIN) {
		for (unsigned queue = 0; queue < wire->queues; queue++)
			echo_queue(port, queue);
		sched_yield();
	}
	port_close(&port);
	port_eal_stop();
	return 0;
}

/* --- The near end: sends and judges --- */

/* Waits for the frame of `seed` to come back. */
static bool came_back(struct port *port, unsigned queue, unsigned seed, double seconds)
{
	const uint64_t end = rte_rdtsc() + (uint64_t)(seconds * (double)rte_get_tsc_hz());

	while (rte_rdtsc() < end) {
		struct rte_mbuf *frames[PORT_BURST_MAX];
		unsigned n = port_receive(port, queue, frames, PORT_BURST_MAX);
		bool found = false;

		for (unsigned k = 0; k < n; k++) {
			if (rte_pktmbuf_mtod(frames[k], uint8_t *)[6] == 6 &&
			    frame_check(frames[k]) == (int)seed)
				found = true;
			rte_pktmbuf_free(frames[k]);
		}
		if (found)
			return true;
		sched_yield();
	}
	return false;
}

static bool round_trip(struct port *port, struct rte_mempool *pool, unsigned queue, unsigned seed,
		       double seconds)
{
	const uint32_t payload = seed * SEED_STEP % 1461;
	const uint32_t part = seed % 3 == 0 ? 1460 : 1460 / (seed % 29 + 1);
	struct rte_mbuf *frame = frame_make(pool, seed, payload, part);

	ask_for_checksums(frame);
	port_transmit(port, queue, &frame, 1);
	return came_back(port, queue, seed, seconds);
}

/* The link may need a moment: asks until the first answer. */
static bool comes_up(struct port *port, struct rte_mempool *pool, unsigned queue)
{
	for (unsigned k = 0; k < 100; k++)
		if (round_trip(port, pool, queue, 1, 0.1))
			return true;
	return false;
}

/* Asleep in epoll until the echo of the frame comes. */
static bool wakes(struct port *port, struct rte_mempool *pool)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};
	const int epoll = epoll_create1(EPOLL_CLOEXEC);
	const int fd = port_interrupt_fd(port, 0);
	struct rte_mbuf *frame;
	bool back = false;

	if (fd < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		return false;
	for (unsigned k = 0; k < 20 && !back; k++) {
		frame = frame_make(pool, 2, 100, 100);
		ask_for_checksums(frame);
		port_transmit(port, 0, &frame, 1);
		if (port_interrupt_arm(port, 0) == 0 && epoll_wait(epoll, &event, 1, 2000) != 1)
			break;
		port_interrupt_disarm(port, 0);
		back = came_back(port, 0, 2, 0.5);
	}
	close(epoll);
	return back;
}

static int near_judge(const struct wire *wire, struct port *port)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create("near", 2047, 0, 0, 2176, SOCKET_ID_ANY);
	struct port_stats stats;

	if (pool == NULL ||
	    (wire->segments_max != 0 && port_segments_max(port) != wire->segments_max)) {
		print_message("    chains of %u\n", port_segments_max(port));
		return FAILED;
	}
	for (unsigned queue = 0; queue < wire->queues; queue++) {
		if (!comes_up(port, pool, queue)) {
			print_message("    queue %u: nothing comes back\n", queue);
			return FAILED;
		}
		for (unsigned seed = 3; seed < 3 + ROUNDS; seed++) {
			if (!round_trip(port, pool, queue, seed, 5)) {
				print_message("    queue %u: frame %u is lost\n", queue, seed);
				return FAILED;
			}
		}
	}
	port_stats(port, &stats);
	if (port_segments_max(port) < 8 && stats.tx_linearised == 0)
		return FAILED;
	if (wire->interrupts && !wakes(port, pool)) {
		print_message("    does not wake\n");
		return FAILED;
	}
	return 0;
}

static int near_run(const struct wire *wire, const char *device)
{
	struct port *port = end_open(device, wire);
	int status;

	if (port == NULL)
		return CANNOT;
	status = near_judge(wire, port);
	port_close(&port);
	port_eal_stop();
	return status;
}

/* --- Both, each in a process of its own --- */

struct pair {
	pid_t near, far;
	int ready[2], stop[2];
};

static pid_t end_start(const struct wire *wire, const struct pair *pair, bool far)
{
	const pid_t pid = fork();
	char socket[128], device[256];
	int status;

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(WIRE_SECONDS_MAX);
	close(pair->stop[1]);
	snprintf(socket, sizeof(socket), "%s/socket", directory);
	snprintf(device, sizeof(device), far ? wire->far : wire->near, socket);
	status =
		far ? far_run(wire, device, pair->ready[1], pair->stop[0]) : near_run(wire, device);
	fflush(stdout); /* what was wrong; _exit() keeps it to itself */
	_exit(status);
}

static int status_of(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return FAILED;
	if (WIFSIGNALED(status))
		print_message("    ended by signal %d\n", WTERMSIG(status));
	return WIFEXITED(status) ? WEXITSTATUS(status) : FAILED;
}

static void wire_check(const struct wire *wire)
{
	struct pair pair;
	char byte = 0, socket[128];
	int near, far;

	assert_int_equal(pipe(pair.ready), 0);
	assert_int_equal(pipe(pair.stop), 0);
	pair.far = end_start(wire, &pair, true);
	close(pair.ready[1]);
	/* Ready, or gone: then there is nothing to read. */
	if (wire->together || read(pair.ready[0], &byte, 1) == 1) {
		pair.near = end_start(wire, &pair, false);
		near = status_of(pair.near);
	} else {
		near = CANNOT;
	}
	close(pair.stop[1]);
	far = status_of(pair.far);
	close(pair.ready[0]);
	close(pair.stop[0]);
	snprintf(socket, sizeof(socket), "%s/socket", directory);
	unlink(socket);
	if (near == CANNOT || far == CANNOT)
		skip();
	assert_int_equal(near, 0);
	if (!wire->far_may_die)
		assert_int_equal(far, 0);
}

static void test_vhost_and_virtio_user(void **state)
{
	(void)state;
	wire_check(&(struct wire){.near = "net_virtio_user0,path=%s",
				  .far = "net_vhost0,iface=%s",
				  .queues = 1,
				  .interrupts = true,
				  .segments_max = 7});
}

static void test_vhost_and_packed_virtio_user(void **state)
{
	(void)state;
	wire_check(&(struct wire){.near = "net_virtio_user0,path=%s,packed_vq=1,in_order=1,"
					  "mrg_rxbuf=0,vectorized=1,queue_size=1024",
				  .far = "net_vhost0,iface=%s",
				  .queues = 1,
				  .interrupts = true,
				  .segments_max = 7});
}

static void test_vhost_and_virtio_user_with_two_queues(void **state)
{
	(void)state;
	wire_check(&(struct wire){.near = "net_virtio_user0,path=%s,queues=2",
				  .far = "net_vhost0,iface=%s,queues=2",
				  .queues = 2});
}

static void test_virtio_user_and_vhost(void **state)
{
	(void)state;
	wire_check(&(struct wire){.near = "net_vhost0,iface=%s,client=1",
				  .far = "net_virtio_user0,path=%s,server=1",
				  .queues = 1,
				  .far_may_die = true,
				  .together = true});
}

static void test_memif(void **state)
{
	(void)state;
	wire_check(&(struct wire){.near = "net_memif0,role=client,socket=%s,socket-abstract=no",
				  .far = "net_memif0,role=server,socket=%s,socket-abstract=no",
				  .queues = 1});
}

static void test_af_packet(void **state)
{
	(void)state;
	if (!have_namespace)
		skip();
	wire_check(&(struct wire){.near = "net_af_packet0,iface=wire0",
				  .far = "net_af_packet0,iface=wire1",
				  .queues = 1,
				  .interrupts = true});
}

static void test_af_xdp_sends_linear(void **state)
{
	(void)state;
	if (!have_namespace)
		skip();
	wire_check(&(struct wire){.near = "net_af_xdp0,iface=wire0",
				  .far = "net_af_packet0,iface=wire1",
				  .queues = 1,
				  .segments_max = 1});
}

/* --- A network and a mount namespace that end with this process --- */

static bool succeeds(char *const argv[])
{
	extern char **environ;
	pid_t pid;

	return posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) == 0 && status_of(pid) == 0;
}

#define RUN(...) succeeds((char *const[]){__VA_ARGS__, NULL})

static void namespace_make(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0)
		return;
	mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
	mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL);
	have_namespace =
		RUN("ip", "link", "add", "wire0", "type", "veth", "peer", "name", "wire1") &&
		RUN("ip", "link", "set", "wire0", "up") && RUN("ip", "link", "set", "wire1", "up");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vhost_and_virtio_user),
		cmocka_unit_test(test_vhost_and_packed_virtio_user),
		cmocka_unit_test(test_vhost_and_virtio_user_with_two_queues),
		cmocka_unit_test(test_virtio_user_and_vhost),
		cmocka_unit_test(test_memif),
		cmocka_unit_test(test_af_packet),
		cmocka_unit_test(test_af_xdp_sends_linear),
	};
	int failed;

	if (mkdtemp(directory) == NULL)
		return 1;
	namespace_make();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(directory);
	return failed;
}
