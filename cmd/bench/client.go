package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
)

// httpClient is one HTTP client with one connection. It costs far less than
// net/http's, so that on few processors the server is measured and not the client.
type httpClient struct {
	address    string
	connection net.Conn
	reader     *bufio.Reader
	body       bytes.Buffer
}

// request is what a client sends to read something.
func request(address, path, token string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", path, address, token)
}

// post is what a client sends with a body.
func post(address, path, token, contentType string, body []byte) []byte {
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n", path, address, contentType, len(body))
	if token != "" {
		head += "Authorization: Bearer " + token + "\r\n"
	}
	return append([]byte(head+"\r\n"), body...)
}

// do sends a request and returns the body of its answer, which is good until
// the next one. An answer that is no success is an error.
func (c *httpClient) do(ctx context.Context, request []byte) ([]byte, error) {
	if c.connection == nil {
		connection, err := new(net.Dialer).DialContext(ctx, "tcp", c.address)
		if err != nil {
			return nil, err
		}
		c.connection, c.reader = connection, bufio.NewReaderSize(connection, 64<<10)
	}
	if _, err := c.connection.Write(request); err != nil {
		return nil, err
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	c.body.Reset()
	if _, err := c.body.ReadFrom(response.Body); err != nil {
		return nil, err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return nil, fmt.Errorf("%s answers %s: %s", c.address, response.Status, c.body.Bytes())
	}
	return c.body.Bytes(), nil
}

func (c *httpClient) close() {
	if c.connection != nil {
		c.connection.Close()
	}
}
