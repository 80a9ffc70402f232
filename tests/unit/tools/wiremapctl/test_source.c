/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#include "buffer.h"
#include "source.h"

/* What a source told, as text: "[mailbox attributes]", "message|flags keywords|date", "!skip". */
struct record {
	struct source_sink sink;
	char text[8192];
	unsigned messages, skips;
	int stop_at; /* returns non-zero at that message; 0: never */
};

static char directory[64];
static struct record record;

__attribute__((format(printf, 1, 2))) static void tell(const char *format, ...)
{
	size_t len = strlen(record.text);
	va_list args;

	va_start(args, format);
	vsnprintf(record.text + len, sizeof(record.text) - len, format, args);
	va_end(args);
}

static int on_mailbox(struct source_sink *sink, struct span name, uint32_t attributes)
{
	(void)sink;
	tell("[%.*s %x]", (int)name.len, (const char *)name.ptr, attributes);
	return 0;
}

static int on_message(struct source_sink *sink, const struct source_message *message)
{
	(void)sink;
	tell("%.*s|%x", (int)message->bytes.len, (const char *)message->bytes.ptr, message->system);
	for (unsigned k = 0; k < message->keywords_n; k++)
		tell(" %.*s", (int)message->keywords[k].len,
		     (const char *)message->keywords[k].ptr);
	tell("|%lld;", message->dated ? (long long)message->date.utc_s : -1);
	return ++record.messages == (unsigned)record.stop_at ? 7 : 0;
}

static void on_skipped(struct source_sink *sink, const char *place, const char *why)
{
	(void)sink;
	(void)why;
	tell("!%s", strrchr(place, '/') + 1);
	record.skips++;
}

static int on_identity(struct source_sink *sink, const struct store_identity *identity,
		       const char *place)
{
	(void)sink;
	(void)place;
	tell("(V%u %s)", identity->uidvalidity, identity->mailboxid != NULL ? "guid" : "-");
	return 0;
}

static int on_uidnext(struct source_sink *sink, uint32_t uidnext)
{
	(void)sink;
	tell("(N%u)", uidnext);
	return 0;
}

static void on_noted(struct source_sink *sink, const char *place, const char *why)
{
	(void)sink;
	(void)why;
	tell("?%s ", strrchr(place, '/') + 1);
}

static void record_reset(void)
{
	record = (struct record){
		.sink = {.mailbox = on_mailbox,
			 .message = on_message,
			 .identity = on_identity,
			 .uidnext = on_uidnext,
			 .skipped = on_skipped,
			 .noted = on_noted},
	};
}

static int setup(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/wiremap-source-XXXXXX");
	record_reset();
	return mkdtemp(directory) != NULL ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	(void)stat;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	(void)state;
	return nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const char *path_of(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static void put_bytes(const char *name, const char *bytes, size_t len)
{
	struct utimbuf times = {.actime = 5000, .modtime = 5000};
	FILE *file = fopen(path_of(name), "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	fclose(file);
	utime(path_of(name), &times);
}

static void put(const char *name, const char *text)
{
	put_bytes(name, text, strlen(text));
}

static void make(const char *name)
{
	assert_int_equal(mkdir(path_of(name), 0700), 0);
}

static void maildir_make(const char *name)
{
	char inner[256];

	if (name[0] != '\0')
		make(name);
	for (unsigned k = 0; k < 3; k++) {
		snprintf(inner, sizeof(inner), "%s/%s", name,
			 k == 0	  ? "cur"
			 : k == 1 ? "new"
				  : "tmp");
		make(inner);
	}
}

static const struct source_options plain = {.separator = '.'};

static void told(const char *expected)
{
	assert_string_equal(record.text, expected);
}

/* --- Maildir --- */

static void test_maildir_flags(void **state)
{
	(void)state;
	maildir_make("");
	put("dovecot-keywords", "0 work\n2 $Label\n25 z\n99 no\nbad\n");
	put("cur/20.x:2,FRS", "b");
	put("cur/9.x:2,", "a");
	put("new/30.x", "c");
	put("cur/40.x:2,DPTacbz", "d");
	put("cur/.hidden", "no");
	put("tmp/50.x", "no");
	assert_int_equal(source_maildir(directory, &plain, &record.sink), 0);
	told("[ 2]?dovecot-keywords:5 a|0|5000;b|7|5000;c|0|5000;d|18 $Forwarded work $Label "
	     "z|5000;");
	assert_int_equal(record.sink.total, 4);
	assert_int_equal(record.sink.done, 4);
}

static void test_maildir_folders(void **state)
{
	(void)state;
	maildir_make("");
	maildir_make(".Work");
	maildir_make(".Work.2024");
	maildir_make(".Entw&APw-rfe");
	maildir_make(".A&B");
	maildir_make(".\xff.\x01x");
	make(".nothing");
	maildir_make("nested");
	maildir_make("nested/deep");
	put(".Work.2024/cur/1:2,S", "w");
	put("nested/deep/new/1", "n");
	assert_int_equal(source_maildir(directory, &plain, &record.sink), 0);
	told("[ 2][A&B 2][Entwürfe 2][Work 2][Work/2024 2]w|1|5000;[%FF/%01x 2][nested/deep 2]"
	     "n|0|5000;[nested 2]");
}

static void test_maildir_subscriptions(void **state)
{
	(void)state;
	maildir_make("");
	maildir_make(".One");
	maildir_make(".Two.x");
	put("subscriptions", "V\t2\n\nTwo\tx\nGone\n");
	assert_int_equal(source_maildir(directory, &plain, &record.sink), 0);
	told("[ 0][One 0][Two/x 2][Gone 202]");
	record_reset();
	put("subscriptions", "INBOX\nTwo.x\n");
	assert_int_equal(source_maildir(directory, &plain, &record.sink), 0);
	told("[ 2][One 0][Two/x 2]");
}

static void test_maildir_reports_and_goes_on(void **state)
{
	(void)state;
	maildir_make("");
	assert_int_equal(symlink("/nonexistent", path_of("cur/1.gone:2,S")), 0);
	make("cur/2.directory");
	put("cur/3.good:2,S", "g");
	assert_int_equal(source_maildir(directory, &plain, &record.sink), 0);
	told("[ 2]!1.gone:2,S!2.directoryg|1|5000;");
	assert_int_equal(record.skips, 2);
}

static void test_stops_when_told(void **state)
{
	(void)state;
	maildir_make("");
	put("cur/1", "a");
	put("cur/2", "b");
	record.stop_at = 1;
	assert_int_equal(source_maildir(directory, &plain, &record.sink), 7);
	told("[ 2]a|0|5000;");
}

static void test_no_maildir(void **state)
{
	(void)state;
	put("file", "x");
	assert_int_equal(source_maildir(directory, &plain, &record.sink), -ENOENT);
	assert_int_equal(source_maildir(path_of("file"), &plain, &record.sink), -ENOTDIR);
	assert_int_equal(source_maildir(path_of("none"), &plain, &record.sink), -ENOTDIR);
}

/* --- mbox --- */

#define FROM "From a@b Thu Jan  1 00:00:01 1970\n"

static void mbox(const char *text, const char *expected)
{
	record_reset();
	put("mbox", text);
	assert_int_equal(source_mbox(path_of("mbox"), &plain, &record.sink), 0);
	told(expected);
	assert_int_equal(record.sink.done, record.sink.total);
}

static void test_mbox_messages(void **state)
{
	(void)state;
	mbox(FROM "A: 1\n\nbody\n\n" FROM "B: 2\n\nbody2\n\n",
	     "[ 2]A: 1\n\nbody\n|0|1;B: 2\n\nbody2\n|0|1;");
	/* Without the empty line at the end; without a line end at the end. */
	mbox(FROM "A: 1\n\nbody\n", "[ 2]A: 1\n\nbody\n|0|1;");
	mbox(FROM "A: 1\n\nbody", "[ 2]A: 1\n\nbody|0|1;");
	/* Two empty lines: one is the message's. */
	mbox(FROM "A: 1\n\nbody\n\n\n" FROM "B: 2\n\n\n", "[ 2]A: 1\n\nbody\n\n|0|1;B: 2\n\n|0|1;");
	/* A header without a body keeps its empty line. */
	mbox(FROM "A: 1\n\n" FROM "B: 2\n", "[ 2]A: 1\n\n|0|1;B: 2\n|0|1;");
	mbox("From a@b Thu Jan  1 00:00:01 1970\r\nA: 1\r\n\r\nbody\r\n\r\n" FROM "B: 2\n\nx\n",
	     "[ 2]A: 1\r\n\r\nbody\r\n|0|1;B: 2\n\nx\n|0|1;");
	mbox("", "[ 2]");
}

/* Only a line that has a date and follows an empty one is a separator. */
static void test_mbox_from_in_text(void **state)
{
	(void)state;
	mbox(FROM "A: 1\n\nx\n\nFrom now on\n" FROM "y\n",
	     "[ 2]A: 1\n\nx\n\nFrom now on\n" FROM "y\n|0|1;");
	mbox(FROM "A: 1\n\n>From x\n", "[ 2]A: 1\n\n>From x\n|0|1;");
	record_reset();
	put("mbox", FROM "A: 1\n\n>From x\n>>From y\n> From z\n>Fromage\n");
	assert_int_equal(source_mbox(path_of("mbox"), &(struct source_options){.mboxrd = true},
				     &record.sink),
			 0);
	told("[ 2]A: 1\n\nFrom x\n>From y\n> From z\n>Fromage\n|0|1;");
}

static void test_mbox_separators(void **state)
{
	(void)state;
	mbox("From MAILER-DAEMON Thu, 1 Jan 1970 00:00:02 +0000\nA: 1\n\n", "[ 2]A: 1\n\n|0|2;");
	mbox("From  Thu Jan  1 00:00:03 1970\nA: 1\n\n", "[ 2]A: 1\n\n|0|3;");
	mbox("From \"a b\"@c Thu Jan  1 00:00:04 1970 +0000\nA: 1\n\n", "[ 2]A: 1\n\n|0|4;");
	mbox("From - Thu Jan 01 00:00:05 1970\nA: 1\n\n", "[ 2]A: 1\n\n|0|5;");
}

static void test_mbox_status(void **state)
{
	(void)state;
	mbox(FROM "Status: RO\nX-Status: AF\nX-Keywords: one two,three  \n\n",
	     "[ 2]Status: RO\nX-Status: AF\nX-Keywords: one two,three  \n\n|7 one two three|1;");
	mbox(FROM "Status: O\nx-status: DT\n\nStatus: R\n",
	     "[ 2]Status: O\nx-status: DT\n\nStatus: R\n|18|1;");
	mbox(FROM
	     "Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1 2\n\nx\n\n" FROM
	     "B: 2\n\n",
	     "[ 2]B: 2\n\n|0|1;");
}

static void test_mbox_content_length(void **state)
{
	(void)state;
	/* The body holds what looks like a separator; its length says that it is none. */
	mbox(FROM "Content-Length: 37\n\nab\n" FROM "\n" FROM "B: 2\n\n",
	     "[ 2]Content-Length: 37\n\nab\n" FROM "|0|1;B: 2\n\n|0|1;");
	/* A body without a line end; the empty line is the separator's. */
	mbox(FROM "Content-Length: 3\n\nabc\n" FROM "B: 2\n\n",
	     "[ 2]Content-Length: 3\n\nabc|0|1;B: 2\n\n|0|1;");
	mbox(FROM "Content-Length: 4\n\nabc\n", "[ 2]Content-Length: 4\n\nabc\n|0|1;");
	/* A length that leads nowhere is no length. */
	mbox(FROM "Content-Length: 2\n\nabcdef\n\n" FROM "B: 2\n\n",
	     "[ 2]Content-Length: 2\n\nabcdef\n|0|1;B: 2\n\n|0|1;");
	mbox(FROM "Content-Length: 99999\n\nabc\n\n" FROM "B: 2\n\n",
	     "[ 2]Content-Length: 99999\n\nabc\n|0|1;B: 2\n\n|0|1;");
	mbox(FROM "Content-Length: x\n\nabc\n", "[ 2]Content-Length: x\n\nabc\n|0|1;");
}

static void test_mbox_is_none(void **state)
{
	(void)state;
	put("mbox", "Subject: x\n\n");
	assert_int_equal(source_mbox(path_of("mbox"), &plain, &record.sink), 0);
	told("[ 2]!mbox");
	assert_int_equal(source_mbox(path_of("none"), &plain, &record.sink), -ENOENT);
}

static void test_mbox_nul(void **state)
{
	static const char text[] = FROM "A: 1\n\na\0b\n\0\n\n" FROM "B: 2\n\n";

	(void)state;
	put_bytes("mbox", text, sizeof(text) - 1);
	assert_int_equal(source_mbox(path_of("mbox"), &plain, &record.sink), 0);
	assert_int_equal(record.messages, 2);
}

static void test_mbox_directory(void **state)
{
	(void)state;
	put("Inbox", FROM "A: 1\n\n");
	put("Inbox.msf", "index");
	make("Inbox.sbd");
	put("Inbox.sbd/Sub", FROM "B: 2\n\n");
	put("junk", "junk");
	assert_int_equal(source_mbox(directory, &plain, &record.sink), 0);
	told("[Inbox 2]A: 1\n\n|0|1;[Inbox/Sub 2]B: 2\n\n|0|1;[junk 2]!junk");
}

/* --- Single messages --- */

static void test_eml(void **state)
{
	(void)state;
	put("b.eml", "B");
	put("a.eml", "A");
	make("sub");
	put("sub/c", "C");
	put(".hidden", "no");
	assert_int_equal(symlink(".", path_of("loop")), 0);
	assert_int_equal(source_eml(directory, &plain, &record.sink), 0);
	told("[ 2]A|0|-1;B|0|-1;!loop[sub 2]C|0|-1;");
	record_reset();
	assert_int_equal(
		source_eml(directory, &(struct source_options){.flat = true}, &record.sink), 0);
	told("[ 2]A|0|-1;B|0|-1;!loopC|0|-1;");
	assert_int_equal(record.sink.total, 4);
	record_reset();
	assert_int_equal(source_eml(path_of("a.eml"), &plain, &record.sink), 0);
	told("[ 2]A|0|-1;");
	assert_int_equal(source_eml(path_of("none"), &plain, &record.sink), -ENOENT);
}

/* --- Line ends --- */

static void test_crlf(void **state)
{
	static const char *const pairs[][2] = {
		{"", ""},
		{"\n", "\r\n"},
		{"\r\n", "\r\n"},
		{"a\nb", "a\r\nb"},
		{"a\r\nb\n", "a\r\nb\r\n"},
		{"\n\n", "\r\n\r\n"},
		{"a\rb", "a\rb"},
		{"\r", "\r"},
		{"a\r\r\n", "a\r\r\n"},
	};
	struct buffer buffer = {0};

	(void)state;
	for (size_t k = 0; k < sizeof(pairs) / sizeof(pairs[0]); k++) {
		assert_true(buffer_crlf(&buffer, span_of(pairs[k][0])));
		assert_true(span_eq(buffer_span(&buffer), span_of(pairs[k][1])));
	}
	buffer_free(&buffer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_maildir_flags),
		TEST(test_maildir_folders),
		TEST(test_maildir_subscriptions),
		TEST(test_maildir_reports_and_goes_on),
		TEST(test_stops_when_told),
		TEST(test_no_maildir),
		TEST(test_mbox_messages),
		TEST(test_mbox_from_in_text),
		TEST(test_mbox_separators),
		TEST(test_mbox_status),
		TEST(test_mbox_content_length),
		TEST(test_mbox_is_none),
		TEST(test_mbox_nul),
		TEST(test_mbox_directory),
		TEST(test_eml),
		TEST(test_crlf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
