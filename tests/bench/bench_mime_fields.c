/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What HEADER.FIELDS costs a message, ns: ten fields out of a header of 25, on blobs that lie
 * behind one another as they do in a segment, 10,000 of them. The goal is 150. Pin it:
 *
 *     taskset -c 1 build/tests/bench/bench_mime_fields
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "mime.h"

enum { MESSAGES = 10000, ROUNDS = 40, NAMES_MAX = 16 };

static const char letter[] =
	"Return-Path: <sender@example.org>\r\n"
	"Delivered-To: reader@example.net\r\n"
	"Received: from mx.example.net by imap.example.net with LMTP id %u;\r\n"
	"\tTue, 4 Jun 2024 10:00:00 +0000\r\n"
	"Received: from out.example.org (out.example.org [192.0.2.1]) by mx.example.net\r\n"
	"\twith ESMTPS id ABCDEF; Tue, 4 Jun 2024 09:59:59 +0000\r\n"
	"Received: from localhost by out.example.org; Tue, 4 Jun 2024 09:59:58 +0000\r\n"
	"Authentication-Results: mx.example.net; spf=pass; dkim=pass; dmarc=pass\r\n"
	"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=key;\r\n"
	"\th=from:to:subject:date; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n"
	"\tb=dzdVyOfAKCdLXdJOc9G2q8LoXSlEniSbav+yuU4zGeeruD00lszZVoG4ZHRNiYzR\r\n"
	"ARC-Seal: i=1; a=rsa-sha256; cv=none; d=example.net; s=arc; t=1717495200; b=x\r\n"
	"X-Spam-Status: No, score=-2.1\r\n"
	"X-Company-Trace: 8c6976e5b5410415bde908bd4dee15dfb167a9c873fc4bb8a81f6f2ab448a918\r\n"
	"MIME-Version: 1.0\r\n"
	"References: <a%u@example.org> <b@example.org>\r\n"
	"In-Reply-To: <b@example.org>\r\n"
	"From: A Sender <sender@example.org>\r\n"
	"Reply-To: <replies@example.org>\r\n"
	"Date: Tue, 4 Jun 2024 09:59:57 +0000\r\n"
	"Message-ID: <c%u@example.org>\r\n"
	"Subject: Re: the subject of a letter of ordinary length\r\n"
	"To: A Reader <reader@example.net>\r\n"
	"Cc: Another <another@example.net>, Third <third@example.net>\r\n"
	"Content-Type: text/plain; charset=utf-8\r\n"
	"Content-Transfer-Encoding: 8bit\r\n"
	"List-Id: <list.example.org>\r\n"
	"List-Unsubscribe: <mailto:leave@example.org>\r\n"
	"X-Mailer: Mailer 1.0\r\n"
	"\r\nbody\r\n";

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct span blobs[MESSAGES];

/* False: no memory. */
static bool blobs_make(void)
{
	struct mime_builder *builder = mime_builder_create();
	uint8_t *segment = NULL;
	size_t room = 0, used = 0;

	for (unsigned i = 0; builder != NULL && i < MESSAGES; i++) {
		char text[4096];
		int len = snprintf(text, sizeof(text), letter, i, i, i);
		struct span blob;

		if (mime_prepare(builder, (struct span){(uint8_t *)text, (size_t)len}, &blob) != 0)
			return false;
		if (segment == NULL) {
			room = (blob.len + 256) * MESSAGES;
			segment = malloc(room);
			printf("%zu bytes of blob for %d of message\n", blob.len, len);
		}
		if (segment == NULL || blob.len > room - used)
			return false;
		memcpy(segment + used, blob.ptr, blob.len);
		blobs[i] = (struct span){segment + used, blob.len};
		used += (blob.len + 7) & ~(size_t)7;
	}
	mime_builder_destroy(&builder);
	return true;
}

/* As FETCH does it: the literal's size first, then the runs, copied out. */
static uint64_t gather(const struct mime_prep *prep, const struct mime_fieldset *set, uint8_t *out)
{
	uint64_t sum = mime_fields_size(prep, MIME_PART_ROOT, set);
	struct mime_field_run run;
	uint32_t cursor = 0;

	while (mime_fields_next(prep, MIME_PART_ROOT, set, &cursor, &run)) {
		if (run.copy.ptr != NULL)
			memcpy(out, run.copy.ptr, run.copy.len);
		out += run.copy.len;
		sum++;
	}
	return sum;
}

static void measure(const char *what, const char *list, bool negated)
{
	static _Alignas(16) uint8_t memory[4096];
	static uint8_t out[16384];
	struct span names[NAMES_MAX];
	char words[512], *rest = words, *word;
	const struct mime_fieldset *set;
	uint64_t start, took, sum = 0;
	unsigned n = 0;

	snprintf(words, sizeof(words), "%s", list);
	while (n < NAMES_MAX && (word = strsep(&rest, " ")) != NULL)
		names[n++] = span_of(word);
	set = mime_fieldset_compile(memory, names, n, negated);
	start = now_ns();
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned i = 0; i < MESSAGES; i++) {
			struct mime_prep prep = mime_prep_trust(blobs[i]);

			sum += gather(&prep, set, out);
		}
	took = now_ns() - start;
	printf("%-52s %8.1f ns   (%llx)\n", what, (double)took / (ROUNDS * MESSAGES),
	       (unsigned long long)(sum & 0xffff));
}

int main(void)
{
	if (!blobs_make())
		return 1;
	measure("ten hot fields",
		"DATE FROM TO CC SUBJECT MESSAGE-ID REFERENCES CONTENT-TYPE IN-REPLY-TO REPLY-TO",
		false);
	measure("ten fields, a walk: without Cc, with List-Id",
		"DATE FROM TO SUBJECT MESSAGE-ID REFERENCES CONTENT-TYPE IN-REPLY-TO REPLY-TO "
		"LIST-ID",
		false);
	measure("ten fields, two of names nobody knows",
		"DATE FROM TO CC SUBJECT MESSAGE-ID REFERENCES CONTENT-TYPE X-COMPANY-TRACE X-ODD",
		false);
	measure("one field", "SUBJECT", false);
	measure("all but one", "RECEIVED", true);
	return 0;
}
