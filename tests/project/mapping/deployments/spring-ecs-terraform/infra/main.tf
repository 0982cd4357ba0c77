resource "aws_db_parameter_group" "orders" {
  family = "postgres16"
  parameter {
    name  = "max_connections"
    value = "400"
  }
}

resource "aws_ecs_task_definition" "orders" {
  family = "orders"
  container_definitions = jsonencode([{
    name  = "orders"
    image = "acme/orders:7"
    environment = [
      { name = "SPRING_DATASOURCE_URL", value = "jdbc:postgresql://orders.c1.eu-central-1.rds.amazonaws.com:5432/orders" },
    ]
  }])
}

resource "aws_ecs_service" "orders" {
  name            = "orders"
  task_definition = aws_ecs_task_definition.orders.arn
  desired_count   = 4
}

resource "aws_appautoscaling_target" "orders" {
  service_namespace  = "ecs"
  resource_id        = "service/main/${aws_ecs_service.orders.name}"
  scalable_dimension = "ecs:service:DesiredCount"
  min_capacity       = 4
  max_capacity       = 12
}
