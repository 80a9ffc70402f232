/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bad path between devices of one namespace, for the kernel here has no netem: frames from the
 * near devices leave through one bottleneck towards the far one, and back.
 *
 *     impair --far DEV --near DEV [--near DEV] [--seed N] [--seconds N]
 *            [--mbit N] [--queue BYTES] [--delay-us N] [--loss PPM] [--burst PPM]
 *            [--burst-frames N] [--reorder PPM] [--reorder-us N] [--duplicate PPM] [--both]
 *
 * Each direction is a line of so many Mbit/s behind a queue that takes no more once so many bytes
 * wait, then a delay. Chances are in millionths of IPv4 frames, and apply towards the far
 * device only unless --both is given. A burst drops 1 to 2N-1 frames in a row. A reordered frame
 * is held back up to --reorder-us longer than the others.
 *
 * Accidents begin at SIGUSR1, so that two senders under comparison come to the start alike.
 *
 * Frames carry the time at which the kernel took them, and all is reckoned from that: a forwarder
 * that was kept from the CPU for a while delivers late but neither drops nor paces for it.
 * Prints "ready", and at SIGTERM or after --seconds its counters as one line of JSON.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	NEAR_MAX = 4,
	FRAMES_MAX = 8192, /* on their way, of both directions: 1 s at 100 Mbit/s */
	FRAME_BYTES_MAX = 2048,
	WIRE_OVERHEAD_BYTES = 24, /* preamble, checksum and gap of Ethernet, as a line counts */
	SOCKET_BYTES = 16 << 20,
	MACS_MAX = 16,
	PPM = 1000000,
};

static const uint64_t second_ns = 1000000000;

struct frame {
	uint64_t due_ns, number; /* the order of delivery */
	uint32_t len;
	int fd; /* of the device it leaves by */
	uint8_t bytes[FRAME_BYTES_MAX];
};

struct counters {
	uint64_t frames, bytes, forwarded, queue_dropped, lost, burst_lost, reordered, duplicated;
	uint64_t overrun, late_us_max, late_us_sum;
};

struct direction {
	const char *name;
	bool impaired;
	uint64_t free_ns; /* when the line has sent all that is queued */
	unsigned burst;	  /* frames that the burst still takes */
	struct counters counters;
};

struct device {
	const char *name;
	int fd;
};

/* Which near device a host lives behind. */
struct host {
	uint8_t mac[ETH_ALEN];
	int fd;
};

struct settings {
	uint64_t seed, seconds, mbit, queue, delay_us, loss, burst, burst_frames, reorder,
		reorder_us, duplicate;
};

static struct settings settings = {.seed = 1,
				   .seconds = 600,
				   .mbit = 100,
				   .queue = 125000,
				   .burst_frames = 8,
				   .reorder_us = 1000};
static struct device far_device, near_devices[NEAR_MAX];
static unsigned near_n;
static struct host hosts[MACS_MAX];
static unsigned hosts_n;
static struct direction down = {.name = "down", .impaired = true}, up = {.name = "up"};
static struct frame frames[FRAMES_MAX];
static struct frame *heap[FRAMES_MAX], *unused[FRAMES_MAX];
static unsigned heap_n, unused_n;
static uint64_t frames_taken, random_state;
static volatile sig_atomic_t stopping, accidents;

static void stop(int number)
{
	(void)number;
	stopping = 1;
}

static void start(int number)
{
	(void)number;
	accidents = 1;
}

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

/* SplitMix64. */
static uint64_t draw(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static bool chance(uint64_t ppm)
{
	return draw() % PPM < ppm;
}

/* The clock of receive timestamps. */
static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * second_ns + (uint64_t)now.tv_nsec;
}

static bool sooner(const struct frame *a, const struct frame *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->number < b->number;
}

static void heap_push(struct frame *frame)
{
	unsigned at = heap_n++;

	for (; at > 0 && sooner(frame, heap[(at - 1) / 2]); at = (at - 1) / 2)
		heap[at] = heap[(at - 1) / 2];
	heap[at] = frame;
}

static struct frame *heap_pop(void)
{
	struct frame *first = heap[0], *last = heap[--heap_n];
	unsigned at = 0, child;

	while ((child = 2 * at + 1) < heap_n) {
		if (child + 1 < heap_n && sooner(heap[child + 1], heap[child]))
			child++;
		if (!sooner(heap[child], last))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = last;
	return first;
}

static int device_open(const char *name)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET,
				      .sll_protocol = htons(ETH_P_ALL),
				      .sll_ifindex = (int)if_nametoindex(name)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0), bytes = SOCKET_BYTES, yes = 1;

	if (fd < 0 || address.sll_ifindex == 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &yes, sizeof(yes)) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof(yes)) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof(yes)) != 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		die(name);
	return fd;
}

static void host_learn(const uint8_t mac[ETH_ALEN], int fd)
{
	for (unsigned i = 0; i < hosts_n; i++)
		if (memcmp(hosts[i].mac, mac, ETH_ALEN) == 0)
			return;
	if (hosts_n < MACS_MAX) {
		memcpy(hosts[hosts_n].mac, mac, ETH_ALEN);
		hosts[hosts_n++].fd = fd;
	}
}

/* The descriptor of the device that `mac` is behind; -1: nobody knows. */
static int host_find(const uint8_t mac[ETH_ALEN])
{
	for (unsigned i = 0; i < hosts_n; i++)
		if (memcmp(hosts[i].mac, mac, ETH_ALEN) == 0)
			return hosts[i].fd;
	return -1;
}

static void frame_queue(struct direction *way, const struct frame *frame, int fd, uint64_t due_ns)
{
	struct frame *copy;

	if (unused_n == 0) {
		way->counters.overrun++;
		return;
	}
	copy = unused[--unused_n];
	memcpy(copy, frame, offsetof(struct frame, bytes) + frame->len);
	copy->fd = fd;
	copy->number = frames_taken++;
	copy->due_ns = due_ns;
	heap_push(copy);
}

/* Towards every device that the frame may be meant for. */
static void frame_route(struct direction *way, const struct frame *frame, uint64_t due_ns)
{
	int fd = way == &down ? far_device.fd : host_find(frame->bytes);

	if (fd >= 0) {
		frame_queue(way, frame, fd, due_ns);
		return;
	}
	for (unsigned i = 0; i < near_n; i++)
		frame_queue(way, frame, near_devices[i].fd, due_ns);
}

/* Whether the path loses this one. */
static bool frame_lost(struct direction *way)
{
	bool lost = chance(settings.loss);

	if (way->burst == 0 && chance(settings.burst))
		way->burst = 1 + (unsigned)(draw() % (2 * settings.burst_frames - 1));
	if (way->burst > 0) {
		way->burst--;
		way->counters.burst_lost++;
		return true;
	}
	way->counters.lost += lost;
	return lost;
}

/* A frame that came at `at_ns`: the queue, the line, the accidents, the delay. */
static void frame_take(struct direction *way, const struct frame *frame, uint64_t at_ns)
{
	const struct ether_header *ethernet = (const struct ether_header *)frame->bytes;
	bool impaired = accidents && way->impaired && ethernet->ether_type == htons(ETHERTYPE_IP);
	uint64_t byte_ps = 8000000 / settings.mbit, queued, due_ns;

	way->counters.frames++;
	way->counters.bytes += frame->len;
	if (way->free_ns < at_ns)
		way->free_ns = at_ns;
	queued = (way->free_ns - at_ns) * 1000 / byte_ps;
	if (queued > settings.queue) {
		way->counters.queue_dropped++;
		return;
	}
	way->free_ns += (frame->len + WIRE_OVERHEAD_BYTES) * byte_ps / 1000;
	due_ns = way->free_ns + settings.delay_us * 1000;
	if (impaired && frame_lost(way))
		return;
	if (impaired && chance(settings.reorder)) {
		way->counters.reordered++;
		due_ns += draw() % (settings.reorder_us * 1000);
	}
	frame_route(way, frame, due_ns);
	if (impaired && chance(settings.duplicate)) {
		way->counters.duplicated++;
		frame_route(way, frame, due_ns + draw() % (settings.reorder_us * 1000));
	}
}

static uint64_t stamp_of(struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
		struct timespec at;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_TIMESTAMPNS)
			continue;
		memcpy(&at, CMSG_DATA(c), sizeof(at));
		return (uint64_t)at.tv_sec * second_ns + (uint64_t)at.tv_nsec;
	}
	return now_ns();
}

/* One frame of a device. False: there is none. */
static bool device_read(struct direction *way, int fd)
{
	static struct frame frame;
	uint8_t control[CMSG_SPACE(sizeof(struct timespec))];
	struct iovec part = {frame.bytes, sizeof(frame.bytes)};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT);

	if (got < ETH_HLEN)
		return false;
	frame.len = (uint32_t)got;
	if (way == &down)
		host_learn(frame.bytes + ETH_ALEN, fd);
	frame_take(way, &frame, stamp_of(&message));
	return true;
}

/* Sends what is due; returns when the next one is, 0: none waits. */
static uint64_t frames_deliver(void)
{
	while (heap_n > 0) {
		uint64_t now = now_ns(), late_us;
		struct counters *counters;
		struct frame *frame;

		if (heap[0]->due_ns > now)
			return heap[0]->due_ns;
		frame = heap_pop();
		counters = frame->fd == far_device.fd ? &down.counters : &up.counters;
		late_us = (now - frame->due_ns) / 1000;
		counters->late_us_sum += late_us;
		if (late_us > counters->late_us_max)
			counters->late_us_max = late_us;
		if (send(frame->fd, frame->bytes, frame->len, 0) == (ssize_t)frame->len)
			counters->forwarded++;
		else
			counters->overrun++;
		unused[unused_n++] = frame;
	}
	return 0;
}

static void run(void)
{
	struct pollfd polled[NEAR_MAX + 1] = {{.fd = far_device.fd, .events = POLLIN}};
	uint64_t end_ns = now_ns() + settings.seconds * second_ns;

	for (unsigned i = 0; i < near_n; i++)
		polled[i + 1] = (struct pollfd){.fd = near_devices[i].fd, .events = POLLIN};
	while (!stopping && now_ns() < end_ns) {
		uint64_t next_ns = frames_deliver(), now = now_ns(), wait = second_ns / 10;
		struct timespec timeout;

		if (next_ns != 0)
			wait = next_ns > now ? next_ns - now : 0;
		timeout = (struct timespec){.tv_sec = (time_t)(wait / second_ns),
					    .tv_nsec = (long)(wait % second_ns)};
		ppoll(polled, near_n + 1, &timeout, NULL);
		while (device_read(&up, far_device.fd))
			;
		for (unsigned i = 0; i < near_n; i++)
			while (device_read(&down, near_devices[i].fd))
				;
	}
}

/* Frames that the kernel had no room for are none that the path was asked to lose. */
static uint64_t kernel_dropped(int fd)
{
	struct tpacket_stats stats = {0};
	socklen_t len = sizeof(stats);

	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) != 0)
		die("PACKET_STATISTICS");
	return stats.tp_drops;
}

static void print(const struct direction *way)
{
	const struct counters *c = &way->counters;

	printf("\"%s\": {\"frames\": %lu, \"bytes\": %lu, \"forwarded\": %lu, \"queue_dropped\": "
	       "%lu, \"lost\": %lu, \"burst_lost\": %lu, \"reordered\": %lu, \"duplicated\": %lu, "
	       "\"overrun\": %lu, \"late_us_max\": %lu, \"late_us_mean\": %.1f}",
	       way->name, c->frames, c->bytes, c->forwarded, c->queue_dropped, c->lost,
	       c->burst_lost, c->reordered, c->duplicated, c->overrun, c->late_us_max,
	       c->forwarded > 0 ? (double)c->late_us_sum / (double)c->forwarded : 0);
}

static void device_add(struct device *device, const char *name)
{
	device->name = name;
	device->fd = device_open(name);
}

static void settings_read(int argc, char **argv)
{
	static const struct option options[] = {
		{"seed", 1, NULL, 0},	    {"seconds", 1, NULL, 1},	  {"mbit", 1, NULL, 2},
		{"queue", 1, NULL, 3},	    {"delay-us", 1, NULL, 4},	  {"loss", 1, NULL, 5},
		{"burst", 1, NULL, 6},	    {"burst-frames", 1, NULL, 7}, {"reorder", 1, NULL, 8},
		{"reorder-us", 1, NULL, 9}, {"duplicate", 1, NULL, 10},	  {"far", 1, NULL, 'f'},
		{"near", 1, NULL, 'n'},	    {"both", 0, NULL, 'b'},	  {0}};
	uint64_t *const numbers[] = {
		&settings.seed,	      &settings.seconds,      &settings.mbit,
		&settings.queue,      &settings.delay_us,     &settings.loss,
		&settings.burst,      &settings.burst_frames, &settings.reorder,
		&settings.reorder_us, &settings.duplicate};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'f')
			device_add(&far_device, optarg);
		else if (option == 'n' && near_n < NEAR_MAX)
			device_add(&near_devices[near_n++], optarg);
		else if (option == 'b')
			up.impaired = true;
		else if ((size_t)option < sizeof(numbers) / sizeof(numbers[0]))
			*numbers[option] = strtoull(optarg, NULL, 10);
		else
			exit(2);
	}
	if (far_device.name == NULL || near_n == 0 || settings.mbit == 0 ||
	    settings.burst_frames == 0 || settings.reorder_us == 0) {
		fputs("usage: impair --far DEV --near DEV [...], see impair.c\n", stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = stop}, begin = {.sa_handler = start};
	uint64_t missed = 0;

	settings_read(argc, argv);
	random_state = settings.seed;
	for (unused_n = 0; unused_n < FRAMES_MAX; unused_n++)
		unused[unused_n] = &frames[unused_n];
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGUSR1, &begin, NULL);
	/* Sleeps end when they should, not up to 50 us later; and nobody outlives the test. */
	if (prctl(PR_SET_TIMERSLACK, 1) != 0 || prctl(PR_SET_PDEATHSIG, SIGTERM) != 0)
		die("prctl");
	puts("ready");
	fflush(stdout);
	run();
	missed += kernel_dropped(far_device.fd);
	for (unsigned i = 0; i < near_n; i++)
		missed += kernel_dropped(near_devices[i].fd);
	printf("{\"seed\": %lu, \"missed\": %lu, ", settings.seed, missed);
	print(&down);
	fputs(", ", stdout);
	print(&up);
	puts("}");
	return 0;
}
