/*
 * blast ADDRESS PORT SECONDS [OWN-PORT]: sends UDP of 18 bytes (frames of 64 with their checksum) as fast as it can; prints nanoseconds
 * per packet and the number of packets.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 64

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2])) };
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_port = htons((uint16_t)(argc > 4 ? atoi(argv[4]) : 0)) };
	int socket_ = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(socket_, (struct sockaddr *)&from, sizeof from))
		return 1;
	if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1 || connect(socket_, (struct sockaddr *)&to, sizeof to))
		return 1;

	static char payload[18];
	struct iovec bytes = { payload, sizeof payload };
	struct mmsghdr messages[BATCH] = { 0 };
	for (int i = 0; i < BATCH; i++) {
		messages[i].msg_hdr.msg_iov = &bytes;
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	double start = now(), elapsed;
	long sent = 0;
	do {
		int n = sendmmsg(socket_, messages, BATCH, 0);
		if (n > 0)
			sent += n;
		elapsed = now() - start;
	} while (elapsed < atof(argv[3]));
	if (sent == 0)
		return 1;
	printf("%.1f %ld\n", elapsed / (double)sent * 1e9, sent);
	return 0;
}
