/* Turns what ssh says on stderr into an error with a next command. The messages are those of
 * OpenSSH 7.6 to 10; they are not translated. */
#include <string.h>

#include "executors/program/openssh.h"
#include "planner/base/vec.h"

enum {
	LINE_LONG = 300,        /* of a line that is passed on */
	LAST_LINES = 3,         /* where no message is known */
};

/* The line of the text that has `find`, from there on or, with `whole`, from its start. It is
 * made safe for a terminal. False: there is none. */
static bool
words_line(const char *said, size_t n, const char *find, bool whole, struct str *to)
{
	const char *at = n ? memmem(said, n, find, strlen(find)) : NULL, *end;

	if (!at)
		return false;
	while (whole && at > said && at[-1] != '\n')
		at--;
	end = at;
	while (end < said + n && *end != '\r' && *end != '\n')
		end++;
	str_reset(to);
	to->max = LINE_LONG;
	str_safe(to, at, (size_t)(end - at));
	return true;
}

/* The part of a line between two strings; "" if one of them is missing. */
static void
words_between(const struct str *line, const char *before, const char *after, struct str *to)
{
	const char *from = strstr(str_text(line), before), *end;

	str_reset(to);
	from = from ? from + strlen(before) : NULL;
	end = from ? strstr(from, after) : NULL;
	if (end)
		str_add(to, from, (size_t)(end - from));
}

/* Is it a line that ssh prints when the program before it has ended? */
static bool
words_is_own(const char *line, size_t n)
{
	static const char *const own[] = {"kex_exchange_identification: ", "ssh_exchange_identification: ",
					  "Connection closed by UNKNOWN port"};

	for (size_t i = 0; i < countof(own); i++)
		if (n >= strlen(own[i]) && memcmp(line, own[i], strlen(own[i])) == 0)
			return true;
	return false;
}

/* The last lines as one, without empty ones and, with `others`, without those of ssh itself. */
static void
words_last(const char *said, size_t n, bool others, struct str *to)
{
	struct { const char *text; size_t n; } last[LAST_LINES];
	size_t lines = 0;

	for (const char *p = said, *end; p < said + n; p = end + 1) {
		for (end = p; end < said + n && *end != '\r' && *end != '\n';)
			end++;
		if (end == p || (others && words_is_own(p, (size_t)(end - p))))
			continue;
		last[lines % LAST_LINES].text = p;
		last[lines++ % LAST_LINES].n = (size_t)(end - p);
	}
	str_reset(to);
	to->max = LINE_LONG;
	for (size_t i = lines > LAST_LINES ? lines - LAST_LINES : 0; i < lines; i++) {
		str_puts(to, to->len ? "; " : "");
		str_safe(to, last[i % LAST_LINES].text, last[i % LAST_LINES].n);
	}
}

/* ---- host keys ---- */

static bool
words_changed(const char *said, size_t n, const struct openssh_who *who, struct err *e)
{
	struct str line = {0}, type = {0}, place = {0}, name = {0};
	bool is = words_line(said, n, "IDENTIFICATION HAS CHANGED", false, &line);
	const char *colon;

	if (is) {
		if (words_line(said, n, "The fingerprint for the ", false, &line))
			words_between(&line, "The fingerprint for the ", " key", &type);
		if (words_line(said, n, "Offending ", false, &line) && strstr(line.buf, " key in "))
			str_puts(&place, strstr(line.buf, " key in ") + strlen(" key in "));
		if (words_line(said, n, "Host key for ", false, &line) ||
		    words_line(said, n, "host key for ", false, &line))
			words_between(&line, "key for ", " has changed", &name);
		if (words_line(said, n, "SHA256:", false, &line) && line.len && line.buf[line.len - 1] == '.')
			line.buf[--line.len] = '\0';
		err_set(e, "verify host key: the key changed (%s %s is not the one in %s)", str_text(&type),
			str_text(&line), place.len ? place.buf : "the known hosts");
		colon = strrchr(str_text(&place), ':');
		err_hint(e, "somebody may be intercepting it; if the host was reinstalled: ssh-keygen%s%.*s -R '%s'",
			 colon ? " -f " : "", colon ? (int)(colon - place.buf) : 0, str_text(&place),
			 name.len ? name.buf : who->host);
	}
	str_release(&line);
	str_release(&type);
	str_release(&place);
	str_release(&name);
	return is;
}

static bool
words_unknown(const char *said, size_t n, const struct openssh_who *who, struct err *e)
{
	struct str line = {0}, type = {0}, name = {0};
	bool is = words_line(said, n, " host key is known for ", true, &line);

	if (is) {
		words_between(&line, "No ", " host key is known", &type);
		words_between(&line, "is known for ", " and you have", &name);
		err_set(e, "verify host key: the key of '%s' is not known (ssh saw its %s key)",
			name.len ? name.buf : who->host, type.len ? type.buf : "host");
		err_hint(e, "dray trust %s shows its fingerprint, and adds the key if you say so",
			 who->name ? who->name : who->host);
		e->new_key = true;
	}
	str_release(&line);
	str_release(&type);
	str_release(&name);
	return is;
}

/* ---- the others ---- */

/* In the order in which they count: the cause comes before what follows from it. */
static const struct {
	const char *find;
	bool whole;             /* the whole line is passed on */
	const char *stage, *hint;
} messages[] = {
	{"Bad configuration option", true, "read the ssh configuration",
	 "this ssh does not know the word; 'IgnoreUnknown WORD' in front of it makes ssh ignore it"},
	{"Bad owner or permissions on", false, "read the ssh configuration",
	 "ssh does not read a file that others can write: chmod go-w FILE"},
	{"Can't open user config file", false, "read the ssh configuration", "is ssh.config of the spec right?"},
	{"terminating, ", true, "read the ssh configuration", NULL},
	{"UNPROTECTED PRIVATE KEY FILE", false, "log in", "ssh does not use a key that others can read: chmod 600 FILE"},
	{"Could not resolve hostname", false, "connect", "is the name right? try: getent hosts NAME"},
	{"Too many authentication failures", false, "log in",
	 "the agent has many keys: 'IdentitiesOnly yes' and IdentityFile in ssh_config, or ssh.identity"},
	{"agent refused operation", true, "log in", "does the agent's key want a touch or a PIN? ssh-add -l lists them"},
	{"Permission denied (", true, "log in", NULL},
	{"Unable to negotiate with", false, "exchange keys", NULL},
	{"Host key verification failed", false, "verify host key",
	 "if this is a jump host, log in to it by hand once: its key is not known, or has changed"},
	{"timed out during banner exchange", true, "exchange keys", NULL},
	{"connect to host ", false, NULL, NULL},
	{"Timeout, server", true, "connection lost", NULL},
	{"too long for Unix domain socket", true, "make the socket of ssh", NULL},
	{"Control master terminated", false, "connection lost", NULL},
	{"Session open refused by peer", false, "open another session",
	 "sshd's MaxSessions allows no more sessions in one connection"},
};

static bool
words_known(const char *said, size_t n, struct err *e)
{
	struct str line = {0};
	bool is = false;

	for (size_t i = 0; i < countof(messages) && !is; i++) {
		is = words_line(said, n, messages[i].find, messages[i].whole, &line);
		if (!is)
			continue;
		if (messages[i].stage)
			err_set(e, "%s: %s", messages[i].stage, line.buf);
		else
			err_set(e, "%s", line.buf);
		if (messages[i].hint)
			err_hint(e, "%s", messages[i].hint);
	}
	str_release(&line);
	return is;
}

bool
openssh_turned_away(const char *said)
{
	return (strstr(said, "kex_exchange_identification") || strstr(said, "ssh_exchange_identification")) &&
	       (strstr(said, "closed by remote host") || strstr(said, "reset by peer"));
}

bool
openssh_proxy_ended(const char *said)
{
	return strstr(said, "UNKNOWN port 65535") != NULL;
}

void
openssh_explain(const char *said, size_t n, const struct openssh_who *who, struct err *e)
{
	struct str last = {0};

	if (words_changed(said, n, who, e) || words_unknown(said, n, who, e))
		return;
	if (!words_known(said, n, e) && openssh_proxy_ended(said)) {
		words_last(said, n, true, &last);
		err_set(e, "connect: the ProxyCommand or ProxyJump of the ssh configuration ended without a "
			   "connection%s%s", last.len ? "; it said: " : "", str_text(&last));
	} else if (!*e->text) {
		words_last(said, n, false, &last);
		err_set(e, "ssh: %s", last.len ? last.buf : "it ended, and said nothing");
	}
	if (!*e->hint && who->by_hand)
		err_hint(e, "try by hand: %s", who->by_hand);
	str_release(&last);
}
