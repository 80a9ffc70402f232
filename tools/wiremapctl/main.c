/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: wiremapctl [options] COMMAND\n"
	"\n"
	"  user add NAME            adds a user with an empty account; asks for the password\n"
	"  user passwd NAME         gives a user another password\n"
	"  user del NAME            takes a user out of the password file\n"
	"  user list                names and accounts, one a line\n"
	"  import maildir PATH      adds a Maildir with its subfolders (Maildir++ or nested)\n"
	"  import mbox PATH         adds an mbox file, or a directory of them\n"
	"  import eml PATH          adds one message, or a directory of them\n"
	"  export maildir USER PATH writes a user's mail as a Maildir++ that Dovecot serves\n"
	"  export mbox USER PATH    writes it as a directory of mboxes; neither may be there yet\n"
	"  check                    reads everything and reports what is damaged, one line each\n"
	"  stats                    all counters of the running server that are not zero, summed "
	"up\n"
	"  capture FILE             writes the frames of chosen connections as pcapng, until ^C\n"
	"  drain                    no new connections, sessions are told to go, the server ends\n"
	"  reload                   has the server read its configuration again\n"
	"\n"
	"An import may be stopped and run again: it goes on where it was and adds nothing twice.\n"
	"\n"
	"  --config FILE            the server's configuration (/etc/wiremap/wiremap.yaml)\n"
	"  --volume DIR             a volume in place of the configured ones; may be repeated\n"
	"  --users FILE             a password file in place of the configured one\n"
	"  --password-file FILE     user add, passwd: its first line is the password; - is "
	"standard\n"
	"                           input, which is also read when it is no terminal\n"
	"  --scheme NAME            user add, passwd: yescrypt (default), scrypt, bcrypt, sha512,\n"
	"                           sha256\n"
	"  --mail                   user del: removes the account's mail, too\n"
	"  --user NAME              import: whose mail it becomes; check: only this one's\n"
	"  --mailbox NAME           import: the mailbox of what lies in PATH itself (INBOX)\n"
	"  --separator C            import maildir: between levels in a folder's name (.)\n"
	"  --flat                   import: all into one mailbox, whatever folders there are\n"
	"  --mboxrd                 import mbox: takes one > from lines that begin with >From\n"
	"  --socket FILE            the control socket in place of the configured one\n"
	"  --json                   stats: every counter of every core\n"
	"  --host ADDRESS           capture: only what this host sends or gets\n"
	"  --port N                 capture: only from or to this TCP or UDP port\n"
	"  --packets N              capture: ends after so many frames\n"
	"  --seconds N              capture: ends then; drain: those who are left are cut off "
	"then\n"
	"  --rate N                 drain: sessions told in a second (1000); 0: all at once\n"
	"\n"
	"Exit status: 0 done; 1 failed, or check found damage; 2 wrong command line;\n"
	"3 imported, but for the messages that were reported; 130 stopped, what was\n"
	"imported is safe.\n";

/* The server's own bounds; it would refuse what is beyond. */
enum { SECONDS_MAX = 4000000, RATE_MAX = 1000000 };

enum option_bit {
	OPTION_CONFIG = 1 << 0,
	OPTION_VOLUME = 1 << 1,
	OPTION_USERS = 1 << 2,
	OPTION_PASSWORD_FILE = 1 << 3,
	OPTION_SCHEME = 1 << 4,
	OPTION_MAIL = 1 << 5,
	OPTION_USER = 1 << 6,
	OPTION_MAILBOX = 1 << 7,
	OPTION_SEPARATOR = 1 << 8,
	OPTION_FLAT = 1 << 9,
	OPTION_MBOXRD = 1 << 10,
	OPTION_HELP = 1 << 11,
	OPTION_SOCKET = 1 << 12,
	OPTION_JSON = 1 << 13,
	OPTION_HOST = 1 << 14,
	OPTION_PORT = 1 << 15,
	OPTION_PACKETS = 1 << 16,
	OPTION_SECONDS = 1 << 17,
	OPTION_RATE = 1 << 18,

	OPTIONS_ALWAYS = OPTION_CONFIG | OPTION_VOLUME | OPTION_USERS,
	OPTIONS_CAPTURE =
		OPTION_SOCKET | OPTION_HOST | OPTION_PORT | OPTION_PACKETS | OPTION_SECONDS,
	OPTIONS_PASSWORD = OPTION_PASSWORD_FILE | OPTION_SCHEME,
	OPTIONS_IMPORT = OPTION_USER | OPTION_MAILBOX | OPTION_FLAT,
};

static const struct option options[] = {
	{"config", required_argument, NULL, OPTION_CONFIG},
	{"volume", required_argument, NULL, OPTION_VOLUME},
	{"users", required_argument, NULL, OPTION_USERS},
	{"password-file", required_argument, NULL, OPTION_PASSWORD_FILE},
	{"scheme", required_argument, NULL, OPTION_SCHEME},
	{"mail", no_argument, NULL, OPTION_MAIL},
	{"user", required_argument, NULL, OPTION_USER},
	{"mailbox", required_argument, NULL, OPTION_MAILBOX},
	{"separator", required_argument, NULL, OPTION_SEPARATOR},
	{"flat", no_argument, NULL, OPTION_FLAT},
	{"mboxrd", no_argument, NULL, OPTION_MBOXRD},
	{"socket", required_argument, NULL, OPTION_SOCKET},
	{"json", no_argument, NULL, OPTION_JSON},
	{"host", required_argument, NULL, OPTION_HOST},
	{"port", required_argument, NULL, OPTION_PORT},
	{"packets", required_argument, NULL, OPTION_PACKETS},
	{"seconds", required_argument, NULL, OPTION_SECONDS},
	{"rate", required_argument, NULL, OPTION_RATE},
	{"help", no_argument, NULL, OPTION_HELP},
	{NULL, 0, NULL, 0},
};

struct command {
	const char *words[2]; /* the second may be NULL */
	const char *argument; /* what it is called, NULL: none */
	unsigned options;     /* those it takes besides OPTIONS_ALWAYS */
	int (*run)(struct ctl *ctl);
};

static const struct command commands[] = {
	{{"user", "add"}, "NAME", OPTIONS_PASSWORD, user_add},
	{{"user", "passwd"}, "NAME", OPTIONS_PASSWORD, user_passwd},
	{{"user", "del"}, "NAME", OPTION_MAIL, user_del},
	{{"user", "list"}, NULL, 0, user_list},
	{{"import", "maildir"}, "PATH", OPTIONS_IMPORT | OPTION_SEPARATOR, import_maildir},
	{{"import", "mbox"}, "PATH", OPTIONS_IMPORT | OPTION_MBOXRD, import_mbox},
	{{"import", "eml"}, "PATH", OPTIONS_IMPORT, import_eml},
	{{"export", "maildir"}, "USER PATH", 0, export_maildir},
	{{"export", "mbox"}, "USER PATH", 0, export_mbox},
	{{"check", NULL}, NULL, OPTION_USER, check},
	{{"stats", NULL}, NULL, OPTION_SOCKET | OPTION_JSON, stats},
	{{"capture", NULL}, "FILE", OPTIONS_CAPTURE, capture},
	{{"drain", NULL}, NULL, OPTION_SOCKET | OPTION_RATE | OPTION_SECONDS, drain},
	{{"reload", NULL}, NULL, OPTION_SOCKET, reload},
};

static const char config_standard[] = "/etc/wiremap/wiremap.yaml";

static void log_write(struct log *log, enum log_level level, const char *line)
{
	(void)log;
	fprintf(stderr, "wiremapctl: %s%s\n", level == LOG_LEVEL_WARNING ? "warning: " : "", line);
}

static int wrong(const char *what, const char *which)
{
	ctl_fail("%s%s; `wiremapctl --help` tells more", what, which);
	return CTL_USAGE;
}

static int number_take(const char *name, uint64_t most, uint64_t *number_r)
{
	unsigned long long number;
	char *end;

	errno = 0;
	number = strtoull(optarg, &end, 10);
	*number_r = number;
	if (*optarg < '0' || *optarg > '9' || *end != '\0' || errno != 0 || number > most)
		return wrong("this is no number in bounds: --", name);
	return 0;
}

/* Those of the commands that ask the server. */
static int option_take_remote(struct ctl *ctl, int option)
{
	switch (option) {
	case OPTION_SOCKET:
		ctl->socket = optarg;
		break;
	case OPTION_JSON:
		ctl->json = true;
		break;
	case OPTION_HOST:
		ctl->host = optarg;
		break;
	case OPTION_PORT:
		return number_take("port", UINT16_MAX, &ctl->port);
	case OPTION_PACKETS:
		return number_take("packets", INT64_MAX, &ctl->packets);
	case OPTION_SECONDS:
		ctl->seconds_given = true;
		return number_take("seconds", SECONDS_MAX, &ctl->seconds);
	case OPTION_RATE:
		ctl->rate_given = true;
		return number_take("rate", RATE_MAX, &ctl->rate);
	default: /* getopt_long has said what is wrong */
		return CTL_USAGE;
	}
	return 0;
}

static int option_take(struct ctl *ctl, int option)
{
	switch (option) {
	case OPTION_CONFIG:
		ctl->config_path = optarg;
		break;
	case OPTION_VOLUME:
		if (ctl->volumes_n == CTL_VOLUMES_MAX)
			return wrong("too many volumes", "");
		ctl->volumes[ctl->volumes_n++] = optarg;
		break;
	case OPTION_USERS:
		ctl->users = optarg;
		break;
	case OPTION_PASSWORD_FILE:
		ctl->password_file = optarg;
		break;
	case OPTION_SCHEME:
		ctl->scheme = optarg;
		break;
	case OPTION_USER:
		ctl->user = optarg;
		break;
	case OPTION_MAILBOX:
		ctl->mailbox = optarg;
		break;
	case OPTION_SEPARATOR:
		ctl->separator = optarg;
		break;
	case OPTION_MAIL:
		ctl->mail = true;
		break;
	case OPTION_FLAT:
		ctl->flat = true;
		break;
	case OPTION_MBOXRD:
		ctl->mboxrd = true;
		break;
	default:
		return option_take_remote(ctl, option);
	}
	return 0;
}

static int command_words(const struct command *command)
{
	return command->words[1] != NULL ? 2 : 1;
}

static const struct command *command_find(char **words, int n)
{
	for (size_t k = 0; k < sizeof(commands) / sizeof(commands[0]); k++)
		if (n >= command_words(&commands[k]) &&
		    strcmp(words[0], commands[k].words[0]) == 0 &&
		    (commands[k].words[1] == NULL || strcmp(words[1], commands[k].words[1]) == 0))
			return &commands[k];
	return NULL;
}

static int command_unknown(char **words, int n)
{
	char said[64];

	if (n < 1)
		return wrong("no command is given", "");
	snprintf(said, sizeof(said), "%s%s%s", words[0], n > 1 ? " " : "", n > 1 ? words[1] : "");
	return wrong("no such command: ", said);
}

static int arguments(const struct command *command)
{
	return command->argument == NULL ? 0 : strchr(command->argument, ' ') == NULL ? 1 : 2;
}

/* The options must be the command's, and its argument must be there. */
static int command_check(const struct command *command, unsigned given, char **words, int n)
{
	int wanted;

	if (command == NULL)
		return command_unknown(words, n);
	for (const struct option *option = options; option->name != NULL; option++)
		if ((given & (unsigned)option->val & ~(command->options | OPTIONS_ALWAYS)) != 0)
			return wrong("this command takes no --", option->name);
	wanted = command_words(command) + arguments(command);
	if (n < wanted)
		return wrong("this command needs a ", command->argument);
	if (n > wanted)
		return wrong("this is too much: ", words[n - 1]);
	return 0;
}

/* Without --config the configuration is read if it is there. */
static int configuration_read(struct ctl *ctl)
{
	const char *path = ctl->config_path != NULL ? ctl->config_path : config_standard;
	struct config_error error;
	FILE *file;

	if (ctl->config_path == NULL) {
		file = fopen(path, "re");
		if (file == NULL)
			return 0;
		fclose(file);
	}
	return config_load(path, &ctl->config, &error) == 0 ? 0 : ctl_fail("%s", error.text);
}

int main(int argc, char **argv)
{
	struct ctl ctl = {.log = {.write = log_write, .level_max = LOG_LEVEL_WARNING}};
	const struct command *command;
	unsigned given = 0;
	int option, status = 0;

	while (status == 0 && (option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == OPTION_HELP || option == 'h') {
			fputs(usage, stdout);
			return CTL_OK;
		}
		given |= (unsigned)option;
		status = option_take(&ctl, option);
	}
	if (status != 0)
		return status;
	command = command_find(argv + optind, argc - optind);
	status = command_check(command, given, argv + optind, argc - optind);
	if (status == 0)
		status = configuration_read(&ctl);
	if (status == 0) {
		ctl.argument = command->argument != NULL ? argv[argc - 1] : NULL;
		if (arguments(command) == 2)
			ctl.user = argv[argc - 2];
		status = command->run(&ctl);
	}
	config_free(&ctl.config);
	return status;
}
