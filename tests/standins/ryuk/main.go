// A stand-in for testcontainers/ryuk on a machine without a registry: our own code, with the part of Ryuk's contract
// that testcontainers uses. It listens on 8080, takes lines such as "label=KEY=VALUE", answers each with "ACK", and
// when every client has been gone for RYUK_RECONNECTION_TIMEOUT it removes the containers, networks and volumes that
// match, and ends. What differs from the real one: no images are removed, and only label filters are known.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

var engine = &http.Client{Transport: &http.Transport{
	DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", "/var/run/docker.sock")
	},
}}

func main() {
	patience, err := time.ParseDuration(os.Getenv("RYUK_RECONNECTION_TIMEOUT"))
	if err != nil {
		patience = 10 * time.Second
	}
	listener, err := net.Listen("tcp", ":8080")
	if err != nil {
		log.Fatal(err)
	}
	log.Print("Started!")

	joined, left := make(chan struct{}), make(chan struct{})
	labels := &labelSet{known: map[string]bool{}}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			joined <- struct{}{}
			go serve(connection, labels, left)
		}
	}()

	clients, alone := 0, time.NewTimer(time.Minute) // the first client has a minute to come, as with the real one
	for {
		select {
		case <-joined:
			clients++
			alone.Stop()
		case <-left:
			if clients--; clients == 0 {
				alone.Reset(patience)
			}
		case <-alone.C:
			for label := range labels.known {
				prune(label)
			}
			return
		}
	}
}

type labelSet struct {
	sync.Mutex
	known map[string]bool
}

// serve notes the labels that a client names, until it is gone.
func serve(connection net.Conn, labels *labelSet, left chan<- struct{}) {
	defer func() { connection.Close(); left <- struct{}{} }()
	lines := bufio.NewScanner(connection)
	for lines.Scan() {
		filter, err := url.ParseQuery(strings.TrimSpace(lines.Text()))
		if err != nil {
			return
		}
		labels.Lock()
		for _, label := range filter["label"] {
			labels.known[label] = true
		}
		labels.Unlock()
		if _, err := connection.Write([]byte("ACK\n")); err != nil {
			return
		}
	}
}

// prune removes what carries the label: containers first, as they hold the rest.
func prune(label string) {
	filters, _ := json.Marshal(map[string][]string{"label": {label}})
	query := "filters=" + url.QueryEscape(string(filters))
	for _, id := range found("/containers/json?all=1&"+query, "Id") {
		request("DELETE", "/containers/"+id+"?force=1&v=1")
	}
	for _, id := range found("/networks?"+query, "Id") {
		request("DELETE", "/networks/"+id)
	}
	for _, name := range found("/volumes?"+query, "Name") {
		request("DELETE", "/volumes/"+name+"?force=1")
	}
}

// found lists one field of what the engine lists; volumes are one level deeper than the others.
func found(path, field string) (values []string) {
	answer := request("GET", path)
	var items []map[string]any
	if json.Unmarshal(answer, &items) != nil {
		var volumes struct{ Volumes []map[string]any }
		_ = json.Unmarshal(answer, &volumes)
		items = volumes.Volumes
	}
	for _, item := range items {
		values = append(values, item[field].(string))
	}
	return values
}

func request(method, path string) json.RawMessage {
	asked, _ := http.NewRequest(method, "http://docker"+path, nil)
	answered, err := engine.Do(asked)
	if err != nil {
		log.Print(err)
		return nil
	}
	defer answered.Body.Close()
	var body json.RawMessage
	_ = json.NewDecoder(answered.Body).Decode(&body)
	log.Print(method, " ", path, " ", answered.Status)
	return body
}
