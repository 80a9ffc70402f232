/* SPDX-License-Identifier: Apache-2.0 */
#include "imap_mail.h"

#include <errno.h>
#include <ftw.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "check.h"
#include "mailstore/mailstore.h"
#include "random.h"

/* Of a process, so that they can be found when it has crashed. */
#define VOLUMES "/tmp/wiremap-sim-%d-"

static size_t header_write(char *out, size_t room, unsigned number, struct random *random)
{
	int n = snprintf(out, room,
			 "Received: from a.example by b.example\r\n\twith ESMTP id %llx\r\n"
			 "From: Sender %u <sender%u@example.org>\r\n"
			 "SUBJECT: message %u of the simulator,\r\n folded once\r\n"
			 "To: a@example.org,\r\n b@example.org\r\n"
			 "X-Odd:\r\n"
			 "Date: Tue, 24 Nov 2026 05:%02u:00 +0000\r\n"
			 "Subject: a second one\r\n"
			 "Message-ID: <%u.%llx@example.org>\r\n\r\n",
			 (unsigned long long)random_next(random), number, number, number,
			 number % 60, number, (unsigned long long)random_next(random));

	ASSERT(n > 0 && (size_t)n < room);
	return (size_t)n;
}

/* One message in eight is large, so that a response spans many windows, and the segment is one
 * that the store maps instead of reading it into memory. */
static void message_make(struct imap_mail *mail, unsigned number, struct random *random)
{
	size_t body = number % 8 == 7 ? 90000 + random_below(random, 110000)
				      : random_below(random, 12000);
	uint8_t *out = malloc(IMAP_MAIL_MESSAGE_BYTES_MAX);
	size_t len;

	ASSERT(out != NULL);
	len = header_write((char *)out, 4096, number, random);
	while (body > 0) {
		size_t line = 1 + random_below(random, 76);

		for (size_t i = 0; i < line; i++)
			out[len++] = (uint8_t)(' ' + random_below(random, 95));
		out[len++] = '\r';
		out[len++] = '\n';
		body = body > line + 2 ? body - line - 2 : 0;
	}
	mail->bytes[number] = out;
	mail->len[number] = len;
}

__attribute__((noreturn)) static void give_up(const char *what, const char *why)
{
	fprintf(stderr, "sim: %s: %s\n", what, why);
	exit(2);
}

static void mail_import(struct imap_mail *mail)
{
	struct store_error error;
	struct store_import *import;
	int inbox;

	if (store_import_open(mail->store, mail->account, &import, &error) != 0)
		give_up("opening the account", error.text);
	inbox = store_import_mailbox(import, span_of("INBOX"), 0, &error);
	if (inbox < 0)
		give_up("making INBOX", error.text);
	for (unsigned k = 0; k < IMAP_MAIL_MESSAGES; k++) {
		struct store_message message = {
			.bytes = {mail->bytes[k], mail->len[k]},
			.date = {1795000000 + (int64_t)k * 3600, (int16_t)(k % 2 ? 60 : -330)},
			.system = k % 3 ? STORE_SEEN : 0,
		};

		if (store_import_message(import, (unsigned)inbox, &message, &error) != 1)
			give_up("adding a message", error.text);
	}
	if (store_import_close(&import, &error) != 0)
		give_up("committing the import", error.text);
}

void imap_mail_create(struct imap_mail *mail, uint64_t seed)
{
	const char *const volumes[1] = {mail->directory};
	struct random random = {seed};
	struct store_error error;
	const struct store_config config = mailstore_config(volumes, 1, NULL);

	memset(mail, 0, sizeof(*mail));
	memset(mail->account, 0x5a, sizeof(mail->account));
	snprintf(mail->directory, sizeof(mail->directory), VOLUMES "XXXXXX", getpid());
	if (mkdtemp(mail->directory) == NULL)
		give_up("making a volume", strerror(errno));
	for (unsigned k = 0; k < IMAP_MAIL_MESSAGES; k++)
		message_make(mail, k, &random);
	if (store_open(&config, &mail->store, &error) != 0)
		give_up("opening the store", error.text);
	mail_import(mail);
}

static int remove_entry(const char *path, const struct stat *stat, int flag, struct FTW *walk)
{
	(void)stat;
	(void)flag;
	(void)walk;
	return remove(path);
}

static void remove_tree(const char *directory)
{
	nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void imap_mail_sweep(pid_t pid)
{
	char pattern[64];
	glob_t left;

	snprintf(pattern, sizeof(pattern), VOLUMES "*", pid);
	if (glob(pattern, GLOB_NOSORT, NULL, &left) != 0)
		return;
	for (size_t k = 0; k < left.gl_pathc; k++)
		remove_tree(left.gl_pathv[k]);
	globfree(&left);
}

void imap_mail_destroy(struct imap_mail *mail)
{
	store_close(&mail->store);
	remove_tree(mail->directory);
	for (unsigned k = 0; k < IMAP_MAIL_MESSAGES; k++)
		free(mail->bytes[k]);
}

static bool name_listed(const uint8_t *line, size_t len, const char *const *names, unsigned names_n)
{
	for (unsigned k = 0; k < names_n; k++) {
		size_t n = strlen(names[k]);

		if (n < len && line[n] == ':' && strncasecmp((const char *)line, names[k], n) == 0)
			return true;
	}
	return false;
}

size_t imap_mail_fields(struct span message, const char *const *names, unsigned names_n,
			uint8_t *out)
{
	const uint8_t *line = message.ptr, *end = message.ptr + message.len;
	bool wanted = false;
	size_t len = 0;

	while (line < end) {
		const uint8_t *feed = memchr(line, '\n', (size_t)(end - line));
		size_t n = (size_t)((feed == NULL ? end : feed + 1) - line);

		if (n == 2 && line[0] == '\r')
			wanted = true; /* the empty line belongs to every answer */
		else if (line[0] != ' ' && line[0] != '\t')
			wanted = name_listed(line, n, names, names_n);
		if (wanted) {
			memcpy(out + len, line, n);
			len += n;
		}
		if (n == 2 && line[0] == '\r')
			break;
		line += n;
	}
	return len;
}
