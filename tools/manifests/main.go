// Command manifests builds a kustomization, and checks each object of it against the
// types of the Kubernetes API: a field that there is not, a value of another type,
// and a selector, port, volume or account that nothing matches is an error.
//
//	go run . ../../deploy/kubernetes
package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: manifests DIRECTORY")
		os.Exit(2)
	}
	n, err := check(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "manifests:", err)
		os.Exit(1)
	}
	fmt.Printf("%d Kubernetes objects, all valid\n", n)
}

// check builds a kustomization, and returns how many objects it has.
func check(dir string) (int, error) {
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(
		filesys.MakeFsOnDisk(), dir)
	if err != nil {
		return 0, err
	}
	if err := monitoring.AddToScheme(scheme.Scheme); err != nil {
		return 0, err
	}
	decoder := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme.Scheme, scheme.Scheme,
		json.SerializerOptions{Yaml: true, Strict: true})
	var all objects
	var problems []error
	for _, r := range built.Resources() {
		text, err := r.AsYAML()
		if err != nil {
			return 0, err
		}
		o, _, err := decoder.Decode(text, nil, nil)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", r.CurId(), err))
			continue
		}
		all = append(all, o)
	}
	return len(all), errors.Join(append(problems, all.fit()...)...)
}

// objects are those of a kustomization.
type objects []runtime.Object

// pods returns the templates of pods, by the objects that make them.
func (all objects) pods() map[string]corev1.PodTemplateSpec {
	templates := make(map[string]corev1.PodTemplateSpec)
	for _, o := range all {
		switch o := o.(type) {
		case *appsv1.Deployment:
			templates["deployment "+o.Name] = o.Spec.Template
		case *batchv1.Job:
			templates["job "+o.Name] = o.Spec.Template
		}
	}
	return templates
}

// fit looks whether what names something else names something that is there.
func (all objects) fit() (problems []error) {
	templates := all.pods()
	for _, o := range all {
		what, selector, ports := refers(o)
		if selector == nil {
			continue
		}
		s, err := metav1.LabelSelectorAsSelector(selector)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", what, err))
			continue
		}
		named := make(map[string]bool)
		for _, t := range templates {
			if s.Matches(labels.Set(t.Labels)) {
				maps.Copy(named, portNames(t.Spec))
			}
		}
		for _, port := range ports {
			if !named[port] {
				problems = append(problems, fmt.Errorf("%s: no pod that it selects has the port %q",
					what, port))
			}
		}
		if len(named) == 0 {
			problems = append(problems, fmt.Errorf("%s selects no pod", what))
		}
	}
	for name, t := range templates {
		problems = append(problems, all.mounts(name, t.Spec)...)
	}
	return problems
}

// refers returns what an object selects, and the ports that it names.
func refers(o runtime.Object) (what string, s *metav1.LabelSelector, ports []string) {
	switch o := o.(type) {
	case *corev1.Service:
		for _, p := range o.Spec.Ports {
			ports = append(ports, p.TargetPort.StrVal)
		}
		return "service " + o.Name, &metav1.LabelSelector{MatchLabels: o.Spec.Selector}, ports
	case *policyv1.PodDisruptionBudget:
		return "budget " + o.Name, o.Spec.Selector, nil
	case *networkingv1.NetworkPolicy:
		for _, rule := range o.Spec.Ingress {
			for _, p := range rule.Ports {
				ports = append(ports, p.Port.StrVal)
			}
		}
		return "network policy " + o.Name, &o.Spec.PodSelector, ports
	case *appsv1.Deployment:
		return "deployment " + o.Name, o.Spec.Selector, nil
	}
	return "", nil, nil
}

func portNames(pod corev1.PodSpec) map[string]bool {
	names := make(map[string]bool)
	for _, c := range pod.Containers {
		names[""] = true // something is selected
		for _, p := range c.Ports {
			names[p.Name] = true
		}
	}
	return names
}

// mounts looks whether the volumes, accounts and maps of a pod are there, and
// whether its probes ask a port that it has.
func (all objects) mounts(name string, pod corev1.PodSpec) (problems []error) {
	volumes := make(map[string]bool)
	for _, v := range pod.Volumes {
		volumes[v.Name] = true
	}
	if !slices.ContainsFunc(all, func(o runtime.Object) bool {
		a, ok := o.(*corev1.ServiceAccount)
		return ok && a.Name == pod.ServiceAccountName
	}) {
		problems = append(problems, fmt.Errorf("%s: there is no account %q", name,
			pod.ServiceAccountName))
	}
	for _, c := range pod.Containers {
		for _, m := range c.VolumeMounts {
			if !volumes[m.Name] {
				problems = append(problems, fmt.Errorf("%s: there is no volume %q", name, m.Name))
			}
		}
		for _, from := range c.EnvFrom {
			if from.ConfigMapRef != nil && !all.hasMap(from.ConfigMapRef.Name) {
				problems = append(problems, fmt.Errorf("%s: there is no map %q", name,
					from.ConfigMapRef.Name))
			}
		}
		names := portNames(pod)
		for _, p := range []*corev1.Probe{c.StartupProbe, c.ReadinessProbe, c.LivenessProbe} {
			if p != nil && p.HTTPGet != nil && !names[p.HTTPGet.Port.StrVal] {
				problems = append(problems, fmt.Errorf("%s: a probe asks the port %q", name,
					p.HTTPGet.Port.StrVal))
			}
		}
	}
	return problems
}

func (all objects) hasMap(name string) bool {
	return slices.ContainsFunc(all, func(o runtime.Object) bool {
		m, ok := o.(*corev1.ConfigMap)
		return ok && m.Name == name
	})
}
