"""What MLflow is told, how it shows it, and how it loads a model. Nothing here decides a byte of a result.

The only package that imports MLflow. It is told flat settings, metrics, files and folders, and knows neither the
sections of params.yaml nor how a model is trained. Imports core, data, classifiers, evaluation and
inference. Imported by results, the command and api, and by the stages that train, evaluate and plot.
"""
