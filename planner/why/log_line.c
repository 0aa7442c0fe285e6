/* Splits a line of a log into its prefixes and its message. */
#include "planner/why/log_line.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char *const levels[] = {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", NULL};

/* What a terminal would show: without colours, and without what a carriage return overwrites. */
static void
line_clean(struct log_line *l, const char *s, size_t n)
{
	size_t to = 0;

	while (n && (s[n - 1] == '\r' || s[n - 1] == '\n'))
		n--;
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\r') {
			to = 0;
		} else if (s[i] == '\033' && i + 1 < n && s[i + 1] == '[') {
			for (i += 2; i < n && !isalpha((unsigned char)s[i]);)
				i++;
		} else if (to + 1 < sizeof l->text) {
			l->text[to++] = s[i] ? s[i] : ' ';
		}
	}
	l->text[to] = '\0';
}

static void
line_drop(struct log_line *l, size_t n)
{
	memmove(l->text, l->text + n, strlen(l->text + n) + 1);
}

static void
line_set_time(struct log_line *l, int month, int day, int h, int m, double s)
{
	if (month < 1 || month > 12 || day < 1 || day > 31 || h < 0 || h > 24 || m < 0 || m > 59 ||
	    !(s >= 0 && s <= 61))
		return;
	if (!l->stamped)
		l->at = ((((month * 31LL + day) * 24 + h) * 60 + m) * 60) * 1000 + (long long)(s * 1000);
}

/* The time that a container runtime puts in front. */
static void
line_take_stamp(struct log_line *l)
{
	int y, month, day, h, m, n = 0;
	double s;

	if (sscanf(l->text, "%4d-%2d-%2dT%2d:%2d:%lf%n", &y, &month, &day, &h, &m, &s, &n) < 6 || !n)
		return;
	n += (int)strcspn(l->text + n, " ");
	line_set_time(l, month, day, h, m, s);
	l->stamped = true;
	line_drop(l, (size_t)n + (l->text[n] == ' '));
}

/* "(Worker_TP1 pid=34, ip=10.0.0.2) ", and "(raylet) ". */
static bool
line_take_speaker(struct log_line *l)
{
	const char *end = l->text[0] == '(' ? strchr(l->text, ')') : NULL;
	size_t name = end ? strcspn(l->text + 1, " ),") : 0;

	if (!end || !name || name >= sizeof l->who || end - l->text > 120)
		return false;
	if (strncmp(l->text + 1 + name, " pid=", 5) != 0 && strncmp(l->text, "(raylet", 7) != 0)
		return false;
	memcpy(l->who, l->text + 1, name);
	l->who[name] = '\0';
	line_drop(l, (size_t)(end + 1 - l->text));
	line_drop(l, l->text[0] == ' ');
	return true;
}

static char
line_level(const char *word, size_t n)
{
	for (size_t i = 0; levels[i]; i++)
		if (strlen(levels[i]) == n && memcmp(levels[i], word, n) == 0)
			return i < 4 ? levels[i][0] : 'E';
	return 0;
}

/* "ERROR 11-22 20:30:53 [core.py:1510] " */
static bool
line_take_vllm(struct log_line *l)
{
	size_t word = strcspn(l->text, " ");
	char level = line_level(l->text, word);
	int month, day, h, m, s, n = 0;
	const char *end;

	if (!level || sscanf(l->text + word, " %2d-%2d %2d:%2d:%2d [%n", &month, &day, &h, &m, &s, &n) < 5 ||
	    !n || !(end = strchr(l->text + word + n, ']')))
		return false;
	l->level = level;
	line_set_time(l, month, day, h, m, s);
	line_drop(l, (size_t)(end + 1 - l->text));
	line_drop(l, l->text[0] == ' ');
	return true;
}

/* "[2026-11-22 20:19:44,609 W 21 21] rpc_client.h:153: " */
static bool
line_take_ray(struct log_line *l)
{
	int y, month, day, h, m, s, ms, n = 0;
	char level;
	const char *end, *colon;

	if (sscanf(l->text, "[%4d-%2d-%2d %2d:%2d:%2d,%3d %c%n", &y, &month, &day, &h, &m, &s, &ms, &level,
		   &n) < 8 || !n || !(end = strchr(l->text + n, ']')))
		return false;
	l->level = level;
	line_set_time(l, month, day, h, m, s + ms / 1e3);
	colon = strstr(end, ": ");
	line_drop(l, (size_t)((colon && colon - end < 80 ? colon + 2 : end + 1) - l->text));
	return true;
}

/* "2026-11-22 20:19:44,609 WARNING x.py:77 -- " */
static bool
line_take_python(struct log_line *l)
{
	int y, month, day, h, m, s, ms, n = 0;
	size_t word;
	const char *dash;

	if (sscanf(l->text, "%4d-%2d-%2d %2d:%2d:%2d,%3d %n", &y, &month, &day, &h, &m, &s, &ms, &n) < 7 || !n)
		return false;
	word = strcspn(l->text + n, " \t");
	l->level = line_level(l->text + n, word);
	line_set_time(l, month, day, h, m, s + ms / 1e3);
	dash = strstr(l->text + n, " -- ");
	line_drop(l, dash ? (size_t)(dash + 4 - l->text) : (size_t)n + word);
	return true;
}

/* "[W1122 20:22:56.888485083 socket.cpp:764] [c10d] " */
static bool
line_take_torch(struct log_line *l)
{
	int month, day, h, m, n = 0;
	double s;
	char level;
	const char *end;

	if (sscanf(l->text, "[%c%2d%2d %2d:%2d:%lf%n", &level, &month, &day, &h, &m, &s, &n) < 6 || !n ||
	    !strchr("DIWEF", level) || !(end = strchr(l->text + n, ']')))
		return false;
	l->level = level == 'F' ? 'E' : level;
	line_set_time(l, month, day, h, m, s);
	line_drop(l, (size_t)(end + 1 - l->text));
	line_drop(l, l->text[0] == ' ');
	if (strncmp(l->text, "[c10d] ", 7) == 0)
		line_drop(l, 7);
	return true;
}

/* "INFO:     10.0.0.9:58214 - ..." of the API server's framework. */
static bool
line_take_uvicorn(struct log_line *l)
{
	size_t word = strcspn(l->text, ":");
	char level = l->text[word] && strncmp(l->text + word, ":  ", 3) == 0 ? line_level(l->text, word) : 0;

	if (!level)
		return false;
	l->level = level;
	line_drop(l, word + 1);
	return true;
}

void
log_line_whole(struct log_line *l, const char *line, size_t n)
{
	l->indent = 0;
	l->level = 0;
	l->who[0] = '\0';
	l->at = -1;
	l->stamped = false;
	line_clean(l, line, n);
	line_take_stamp(l);
}

void
log_line_read(struct log_line *l, const char *line, size_t n)
{
	log_line_whole(l, line, n);
	while (line_take_speaker(l))
		;
	if (!line_take_vllm(l) && !line_take_ray(l) && !line_take_python(l) && !line_take_uvicorn(l))
		line_take_torch(l);
	l->indent = strspn(l->text, " |");
	line_drop(l, l->indent);
	n = strlen(l->text);
	while (n && l->text[n - 1] == ' ')
		l->text[--n] = '\0';
}
