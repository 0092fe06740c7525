// Package crds keeps the modules whose definitions (CRDs) the tests install among those that go.mod names.
package crds

import (
	_ "knative.dev/eventing/config/core/resources"
	_ "knative.dev/serving/config/core/300-resources"
)
