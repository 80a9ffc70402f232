/* SPDX-License-Identifier: Apache-2.0 */
#include "sequence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char flag_letters[] = "FSRPAUEC";

char *sequence_flags_text(uint8_t flags, char *text)
{
	char *end = text;

	for (unsigned bit = 0; bit < 8; bit++)
		if (flags & 1U << bit)
			*end++ = flag_letters[bit];
	if (end == text)
		*end++ = '-';
	*end = '\0';
	return text;
}

static bool flags_read(const char *text, uint8_t *flags_r)
{
	*flags_r = 0;
	if (strcmp(text, "-") == 0)
		return true;
	for (; *text != '\0'; text++) {
		const char *at = strchr(flag_letters, *text);

		if (at == NULL)
			return false;
		*flags_r |= (uint8_t)(1U << (at - flag_letters));
	}
	return true;
}

static const char *relative_read(const char *text, struct relative *relative_r)
{
	char *end;

	relative_r->base = *text;
	relative_r->offset = (int32_t)strtol(text + 1, &end, 10);
	return end;
}

static bool raw_read(const char *text, struct option_item *item)
{
	unsigned byte;

	for (; sscanf(text, "%2x", &byte) == 1 && text[0] != '\0' && text[1] != '\0'; text += 2) {
		if (item->raw_n == RAW_BYTES_MAX)
			return false;
		item->raw[item->raw_n++] = (uint8_t)byte;
	}
	return *text == '\0';
}

static bool option_read(const char *text, struct option_item *item)
{
	char *end;

	*item = (struct option_item){.kind = *text++};
	switch (item->kind) {
	case 'm':
	case 'w':
	case 'h':
		item->number = (uint32_t)strtoul(text, &end, 10);
		return *end == '\0';
	case 'k':
	case 'z':
		return *text == '\0';
	case 't':
		item->from.offset = (int32_t)strtol(text, &end, 10);
		item->to.offset = (int32_t)strtol(end, &end, 10);
		return *end == '\0';
	case 'b':
		text = relative_read(text, &item->from);
		return *text == ':' && *relative_read(text + 1, &item->to) == '\0';
	case 'x':
		return raw_read(text, item);
	default:
		return false;
	}
}

static bool options_read(char *text, struct step *step)
{
	char *word, *rest;

	if (strcmp(text, "-") == 0)
		return true;
	for (word = strtok_r(text, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest))
		if (step->options_n == OPTIONS_MAX ||
		    !option_read(word, &step->options[step->options_n++]))
			return false;
	return true;
}

static bool step_read(char *text, struct step *step)
{
	char *parts[7], *rest = text, *end;

	for (unsigned k = 0; k < 7; k++)
		if ((parts[k] = strsep(&rest, "/")) == NULL)
			return false;
	*step = (struct step){.window = (uint16_t)strtoul(parts[3], NULL, 10),
			      .urgent = (uint16_t)strtoul(parts[4], NULL, 10),
			      .payload = (uint16_t)strtoul(parts[5], &end, 10)};
	step->lies = *end == '!';
	return rest == NULL && *relative_read(parts[0], &step->seq) == '\0' &&
	       *relative_read(parts[1], &step->ack) == '\0' && flags_read(parts[2], &step->flags) &&
	       step->payload <= PAYLOAD_BYTES_MAX && options_read(parts[6], step);
}

bool sequence_read(char *line, struct sequence *sequence_r)
{
	char *words[4], *rest, *word = strtok_r(line, " \n", &rest);

	for (unsigned k = 0; k < 4; k++, word = strtok_r(NULL, " \n", &rest))
		if ((words[k] = word) == NULL)
			return false;
	*sequence_r = (struct sequence){.port = (uint16_t)strtoul(words[1], NULL, 10),
					.isn = (uint32_t)strtoul(words[2], NULL, 10),
					.clock = (uint32_t)strtoul(words[3], NULL, 10)};
	snprintf(sequence_r->name, NAME_BYTES, "%s", words[0]);
	for (; word != NULL; word = strtok_r(NULL, " \n", &rest))
		if (sequence_r->steps_n == STEPS_MAX ||
		    !step_read(word, &sequence_r->steps[sequence_r->steps_n++]))
			return false;
	return sequence_r->steps_n > 0;
}
