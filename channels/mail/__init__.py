"""Mail: a mailbox that is read and a server that sends; what a mail says is understood in `message`."""
